//! The description of the routes for machines: OpenAPI 3.0, and 2.0 for a Logic Apps custom connector.

mod page;
mod swagger;

pub use page::page;
pub use swagger::document as document_2;

use super::{Answer, Call, Parameter, Route, Subject, all};
use crate::host::Problem;
use futures::FutureExt;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    subject: Subject::Service,
    has_comment: false,
    query: &[Parameter {
        name: "version",
        about: "3 (default) for OpenAPI 3.0, 2 for the form that a Logic Apps custom connector takes",
    }],
    ..Route::get(
        "openapi.json",
        "This description of all routes",
        |_| json_schema!({ "type": "object" }),
        |call| answer(call).boxed(),
    )
}];

const TENANT: Parameter = Parameter {
    name: "tenant",
    about: "Id of the tenant, a GUID. May be left out where there is only one that the caller may ask for",
};
const FORMAT: Parameter = Parameter {
    name: "format",
    about: "json (default), html or markdown for a ready incident comment, csv for rows; wins over Accept",
};
const TOP: Parameter =
    Parameter { name: "top", about: "Items of one page, 1 to 1000, default 100; of CSV 10000" };
const CONTINUATION: Parameter = Parameter {
    name: "continuation",
    about: "The token that the page before gave; 410 where the list has been renewed since",
};

async fn answer(call: &Call<'_>) -> Result<Answer, Problem> {
    let expected = "2 or 3";
    let number = |text: &str| ["2", "3"].into_iter().position(|one| one == text);
    let document = match call.query.parsed("version", expected, number)? {
        Some(0) => swagger::document(),
        _ => document(),
    };
    Ok(Answer::document("application/json", document.to_string()))
}

/// The OpenAPI 3.0 document of all routes.
///
/// <https://spec.openapis.org/oas/v3.0.3>
pub fn document() -> Value {
    // What is sent and what is read differ in which fields may be left out.
    let mut sent = SchemaSettings::openapi3().for_serialize().into_generator();
    let mut read = SchemaSettings::openapi3().for_deserialize().into_generator();
    let mut paths = Map::new();
    for route in all() {
        let operation = operation(route, &mut sent, &mut read);
        let path = paths.entry(format!("/{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.to_ascii_lowercase()] = operation;
    }
    let problem = sent.subschema_for::<Problem>();
    let mut schemas = sent.take_definitions(true);
    schemas.extend(read.take_definitions(true));
    json!({
        "openapi": "3.0.3",
        "info": {
            "title": "Posture",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Security posture of Microsoft tenants, from kept snapshots or live. Every GET \
                route is also there below /caller, for callers by identity; those below /response for the ones \
                that may ask for actions, but PATCH.",
        },
        "servers": [{ "url": "/api" }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": {
                "description": "What went wrong, and what to do",
                "content": {
                    "application/problem+json": { "schema": problem },
                    "application/json": { "schema": problem },
                },
            } },
            "securitySchemes": {
                "functionKey": { "type": "apiKey", "in": "header", "name": "x-functions-key" },
            },
        },
        "security": [{ "functionKey": [] }],
    })
}

fn operation(route: &Route, sent: &mut SchemaGenerator, read: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": route.about,
        "tags": [route.path.split('/').next().unwrap_or_default()],
        "parameters": parameters(route),
        "responses": responses(route, sent),
    });
    if let Some(body) = route.body {
        let schema = body(read);
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    operation
}

/// `getDevicesById` and the like: unique, since path and method are.
fn operation_id(route: &Route) -> String {
    let mut id = route.method.to_ascii_lowercase();
    for segment in route.path.split('/') {
        let name = segment.trim_matches(['{', '}']);
        if segment.starts_with('{') {
            id.push_str("By");
        }
        for word in name.split(['-', '.']) {
            let mut letters = word.chars();
            id.extend(letters.next().map(|first| first.to_ascii_uppercase()));
            id.push_str(letters.as_str());
        }
    }
    id
}

/// The parameters of a route's query, those that many have in common included.
fn of_query(route: &Route) -> Vec<Parameter> {
    let mut all = route.query.to_vec();
    if route.subject != Subject::Service {
        all.push(TENANT);
    }
    if route.has_comment || route.has_rows {
        all.push(FORMAT);
    }
    if route.has_pages {
        all.extend([TOP, CONTINUATION]);
    }
    all
}

fn parameters(route: &Route) -> Vec<Value> {
    let segments = route.path.split('/').filter(|segment| segment.starts_with('{'));
    let of_path = segments.map(|segment| {
        let name = segment.trim_matches(['{', '}']);
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
    });
    let of_query = of_query(route).into_iter().map(|Parameter { name, about }| {
        let schema = schema_of(route, name);
        json!({ "name": name, "in": "query", "required": false, "description": about, "schema": schema })
    });
    of_path.chain(of_query).collect()
}

/// The shape of a parameter: one name means the same on every route.
fn schema_of(route: &Route, name: &str) -> Value {
    match name {
        "tenant" => json!({ "type": "string", "format": "uuid" }),
        "top" => json!({ "type": "integer", "minimum": 1, "maximum": 10_000 }),
        "wait" => json!({ "type": "integer", "minimum": 0, "maximum": 90 }),
        "days" => json!({ "type": "integer", "minimum": 1, "maximum": 90 }),
        "minimumGain" => json!({ "type": "number", "minimum": 0 }),
        "kept" | "dryRun" | "assigned" => json!({ "type": "boolean" }),
        "version" => json!({ "type": "integer", "enum": [2, 3] }),
        "format" => {
            let comment = route.has_comment.then_some(["html", "markdown"]).into_iter().flatten();
            let forms = std::iter::once("json").chain(comment);
            let forms: Vec<_> = forms.chain(route.has_rows.then_some("csv")).collect();
            json!({ "type": "string", "enum": forms })
        }
        _ => json!({ "type": "string" }),
    }
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let schema: Schema = (route.answers)(generator);
    let mut content = json!({ route.media: { "schema": schema } });
    let text = json!({ "schema": { "type": "string" } });
    if route.has_comment {
        content["text/html"] = text.clone();
        content["text/markdown"] = text.clone();
    }
    if route.has_rows {
        content["text/csv"] = text;
    }
    let mut responses = json!({ "default": { "$ref": "#/components/responses/Problem" } });
    for status in route.statuses {
        let what = match status {
            202 => "Taken: it goes on by itself",
            _ => "The answer",
        };
        responses[status.to_string()] = json!({ "description": what, "content": content });
    }
    if route.method == "GET" {
        responses["304"] = json!({ "description": "The caller has it already (If-None-Match)" });
    }
    responses
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn refs<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| refs(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| refs(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
        for document in [document(), swagger::document()] {
            let mut found = BTreeSet::new();
            refs(&document, &mut found);
            assert!(found.len() > 3);
            for one in found {
                let place = one.strip_prefix('#').unwrap();
                assert!(document.pointer(place).is_some(), "{one} is nowhere");
            }
            let paths = document["paths"].as_object().unwrap().values();
            let operations = paths.flat_map(|path| path.as_object().unwrap().values());
            let ids: Vec<_> = operations.map(|one| one["operationId"].as_str().unwrap()).collect();
            let unique: BTreeSet<_> = ids.iter().collect();
            assert_eq!((ids.len(), unique.len()), (all().count(), all().count()), "{ids:?}");
        }
    }

    #[test]
    fn a_custom_connector_finds_no_word_of_a_newer_form() {
        let text = swagger::document().to_string();

        for newer in ["\"nullable\"", "\"oneOf\"", "\"anyOf\"", "\"requestBody\"", "\"components\""]
        {
            assert!(!text.contains(newer), "{newer}");
        }
        assert!(text.starts_with('{') && text.contains("\"swagger\":\"2.0\""));
    }
}
