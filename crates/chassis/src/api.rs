//! The routes of a function, each with its role, its scope and its types.

use crate::describe::{Description, Documented};
use crate::role::{Role, Scope};
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use runtime::{Door, Entrance, Routes, Tokens};
use schemars::SchemaGenerator;
use std::borrow::Cow;
use std::fmt;

/// What one route does, for whom, and with whose data.
#[derive(Clone)]
pub struct Operation {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) summary: Cow<'static, str>,
    /// Each with the door that it opens here.
    pub(crate) roles: Vec<(Role, Door)>,
    pub(crate) scope: Scope,
    pub(crate) describe: fn(&mut Description, &mut SchemaGenerator),
    entrance: Entrance,
    filter: MethodFilter,
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $method:ident;)*) => {
        impl Operation {
            $(
                $(#[$doc])*
                #[must_use]
                pub fn $name(
                    path: &'static str,
                    summary: impl Into<Cow<'static, str>>,
                    role: Role,
                    scope: Scope,
                ) -> Self {
                    let (method, filter) = (Method::$method, MethodFilter::$method);
                    Self::new(method, filter, path, summary.into(), role, scope)
                }
            )*
        }
    };
}

methods! {
    /// `GET`: looks, and changes nothing.
    get GET;
    /// `POST`: does something.
    post POST;
    /// `PUT`: sets something.
    put PUT;
    /// `PATCH`: changes a part of something.
    patch PATCH;
    /// `DELETE`: takes something away.
    delete DELETE;
}

impl Operation {
    fn new(
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        summary: Cow<'static, str>,
        role: Role,
        scope: Scope,
    ) -> Self {
        let door = match scope {
            Scope::Own => role.door().own(),
            Scope::NoPartner | Scope::OnePartner | Scope::AllPartners => role.door(),
        };
        let (roles, entrance) = (vec![(role, door)], Entrance::from(door));
        Self { method, path, summary, roles, scope, describe: |_, _| {}, entrance, filter }
    }

    /// The largest body, in bytes, of a request that the connector did not send; 64 KiB if nothing is
    /// said.
    #[must_use]
    pub fn bodies_up_to(mut self, bytes: u64) -> Self {
        self.entrance = self.entrance.bodies_up_to(bytes);
        self
    }

    /// A further role that opens this route, or a part of it. `entrance` decides by the request's head.
    #[must_use]
    pub fn or(mut self, role: Role, entrance: Entrance) -> Self {
        self.roles.push((role, role.door()));
        self.entrance = entrance;
        self
    }

    /// A further role with which the handler answers more: it looks at the caller.
    #[must_use]
    pub fn more_for(mut self, role: Role) -> Self {
        self.roles.push((role, role.door()));
        self
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roles: Vec<Role> = self.roles.iter().map(|(role, _)| *role).collect();
        write!(f, "{} {} {roles:?} {:?}", self.method, self.path, self.scope)
    }
}

/// The routes of a function, before it has its state.
#[derive(Debug)]
pub struct Api<S> {
    operations: Vec<(Operation, MethodRouter<S>)>,
}

impl<S: Clone + Send + Sync + 'static> Default for Api<S> {
    fn default() -> Self {
        Self { operations: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Api<S> {
    /// Adds a route.
    #[must_use]
    pub fn at<H, M>(mut self, operation: Operation, handler: H) -> Self
    where
        H: Documented<M, S>,
        M: 'static,
    {
        let operation = Operation { describe: H::describe, ..operation };
        let methods = on(operation.filter, handler);
        self.operations.push((operation, methods));
        self
    }

    /// What the routes do, for the documents.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.operations.iter().map(|(operation, _)| operation.clone()).collect()
    }

    /// The doors whose tokens it needs, each once.
    #[must_use]
    pub fn doors(&self) -> Vec<Door> {
        let mut doors = Vec::new();
        for (_, door) in self.operations.iter().flat_map(|(operation, _)| &operation.roles) {
            if !doors.contains(door) {
                doors.push(*door);
            }
        }
        doors
    }

    /// The routes as the shell serves them.
    #[must_use]
    pub fn into_routes(self, tokens: Tokens, state: S) -> Routes {
        let routes = Routes::new(tokens);
        let add = |routes: Routes<S>, (operation, methods): (Operation, MethodRouter<S>)| {
            let Operation { entrance, roles, scope, path, .. } = operation;
            let roles = roles.into_iter().map(|(role, door)| (role.name(), door));
            routes.at(entrance.opened_by(roles, scope == Scope::Own), path, methods)
        };
        self.operations.into_iter().fold(routes, add).with_state(state)
    }
}
