//! The history checker on streams that real code filled, and on each thing that can be wrong.
#![cfg(test)]

mod attempts;
mod command;
mod facts;
mod journal;
mod run;
mod sent;
mod stock;
