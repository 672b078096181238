//! The history checker on streams filled by real code, and on each kind of damage.
#![cfg(test)]

mod amend;
mod attempts;
mod command;
mod facts;
mod journal;
mod returns;
mod run;
mod sent;
mod shipments;
mod stock;
