//! What a handler takes and answers, read from its signature.

use crate::extract::{Body, Csv, Query, Raw, Trace};
use crate::key::Key;
use axum::Json;
use axum::extract::{Path, State};
use axum::handler::Handler;
use axum::http::HeaderMap;
use runtime::door::Refused;
use runtime::events::{self, Batch, OrderedAnswer};
use runtime::{Actor, Caller, Owner, Problem, Stop};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// One operation as OpenAPI says it.
#[derive(Debug, Default)]
pub struct Description {
    /// `parameters`.
    pub parameters: Vec<Value>,
    /// `content` of the request's body, by media type.
    pub takes: Map<String, Value>,
    /// `content` of the answer, by media type.
    pub answers: Map<String, Value>,
}

impl Description {
    /// Adds the fields of `T` as parameters that stand in `place`: `query` or `path`.
    fn parameters<T: JsonSchema>(&mut self, place: &str, schemas: &mut SchemaGenerator) {
        let schema = T::json_schema(schemas);
        let required = schema.get("required").and_then(Value::as_array).cloned();
        let required = required.unwrap_or_default();
        let fields = schema.get("properties").and_then(Value::as_object).cloned();
        for (name, mut field) in fields.unwrap_or_default() {
            let said = field.as_object_mut().and_then(|field| field.remove("description"));
            let is_required = place == "path" || required.iter().any(|one| *one == name.as_str());
            let mut parameter =
                json!({"name": name, "in": place, "required": is_required, "schema": field});
            if let (Some(said), Some(parameter)) = (said, parameter.as_object_mut()) {
                parameter.insert("description".to_owned(), said);
            }
            self.parameters.push(parameter);
        }
    }
}

fn content(schema: &Schema) -> Value {
    json!({"schema": schema})
}

/// An argument of a handler that says what it takes of a request.
pub trait Describe {
    /// Adds it to `operation`.
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator);
}

/// What a handler gives back, and says so.
pub trait Output {
    /// Adds it to `operation`.
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator);
}

/// An error that a handler may give back: it answers `application/problem+json`.
pub trait Failing {}

impl Failing for Problem {}
impl Failing for Refused {}

macro_rules! takes_nothing {
    ($($what:ident)*) => {
        $(impl Describe for $what {
            fn describe(_: &mut Description, _: &mut SchemaGenerator) {}
        })*
    };
}

takes_nothing!(Actor Caller HeaderMap Owner Stop Trace);

impl<S> Describe for State<S> {
    fn describe(_: &mut Description, _: &mut SchemaGenerator) {}
}

impl Describe for Key {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        operation.parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "description": "The same command under the same key is done once.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }));
    }
}

impl<T: JsonSchema> Describe for Query<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        operation.parameters::<T>("query", schemas);
    }
}

impl<T: JsonSchema> Describe for Path<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        operation.parameters::<T>("path", schemas);
    }
}

impl<T: JsonSchema> Describe for Body<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let schema = schemas.subschema_for::<T>();
        operation.takes.insert("application/json".to_owned(), content(&schema));
    }
}

impl<T: JsonSchema> Describe for Raw<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        Body::<T>::describe(operation, schemas);
    }
}

impl Describe for Csv {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        let text = json!({"schema": {"type": "string"}});
        operation.takes.insert("text/csv".to_owned(), text);
    }
}

impl Describe for Batch {
    fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
        let events = json!({"schema": {"type": "array", "items": {"type": "object"}}});
        operation.takes.insert(events::BATCH_JSON.to_owned(), events);
    }
}

impl<T: JsonSchema> Output for Json<T> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        let schema = schemas.subschema_for::<T>();
        operation.answers.insert("application/json".to_owned(), content(&schema));
    }
}

impl<T: Output, E: Failing> Output for Result<T, E> {
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
        T::describe(operation, schemas);
    }
}

macro_rules! answers_the_connector {
    ($($what:ty)*) => {
        $(impl Output for $what {
            fn describe(operation: &mut Description, _: &mut SchemaGenerator) {
                let object = json!({"schema": {"type": "object"}});
                operation.answers.entry("application/json").or_insert(object);
            }
        })*
    };
}

answers_the_connector!(events::Answer OrderedAnswer);

/// A handler whose arguments and answer say what they are. `M` is what axum needs to tell handlers of
/// different arguments apart.
pub trait Documented<M, S>: Handler<M, S> {
    /// What it takes and answers.
    fn describe(operation: &mut Description, schemas: &mut SchemaGenerator);
}

macro_rules! documented {
    ($($argument:ident)*) => {
        impl<F, Fut, R, M, S, $($argument,)*> Documented<(M, $($argument,)*), S> for F
        where
            F: FnOnce($($argument,)*) -> Fut + Handler<(M, $($argument,)*), S>,
            Fut: Future<Output = R>,
            R: Output,
            $($argument: Describe,)*
        {
            fn describe(operation: &mut Description, schemas: &mut SchemaGenerator) {
                $($argument::describe(operation, schemas);)*
                R::describe(operation, schemas);
            }
        }
    };
}

documented!(A);
documented!(A B);
documented!(A B C);
documented!(A B C D);
documented!(A B C D E);
