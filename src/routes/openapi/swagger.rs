//! The same as OpenAPI 2.0, the form that a Logic Apps custom connector is made of.

use serde_json::{Map, Value, json};

/// The OpenAPI 2.0 document of all routes, out of the 3.0 one.
///
/// 2.0 has no alternatives of shapes: where the 3.0 document has some, anything is allowed.
///
/// <https://learn.microsoft.com/connectors/custom-connectors/define-openapi-definition>
pub fn document() -> Value {
    let newer = super::document();
    let mut paths = Map::new();
    for (path, operations) in newer["paths"].as_object().into_iter().flatten() {
        let operations = operations.as_object().into_iter().flatten();
        let older: Map<_, _> =
            operations.map(|(method, one)| (method.clone(), operation(one))).collect();
        paths.insert(path.clone(), Value::Object(older));
    }
    let mut definitions = newer["components"]["schemas"].clone();
    schema(&mut definitions);
    json!({
        "swagger": "2.0",
        "info": newer["info"],
        "host": "localhost",
        "basePath": "/api",
        "schemes": ["https"],
        "paths": paths,
        "definitions": definitions,
        "securityDefinitions": newer["components"]["securitySchemes"],
        "security": newer["security"],
    })
}

fn operation(newer: &Value) -> Value {
    let parameter = |newer: &Value| {
        let mut older = newer.clone();
        if let Some(fields) = older.as_object_mut()
            && let Some(Value::Object(shape)) = fields.remove("schema")
        {
            fields.extend(shape);
        }
        older
    };
    let mut parameters: Vec<_> =
        newer["parameters"].as_array().into_iter().flatten().map(parameter).collect();
    if let Some(body) = newer.pointer("/requestBody/content/application~1json/schema") {
        let mut body = body.clone();
        schema(&mut body);
        parameters.push(json!({ "name": "body", "in": "body", "required": true, "schema": body }));
    }
    let answers = newer["responses"].as_object().into_iter().flatten();
    let responses: Map<_, _> =
        answers.map(|(status, newer)| (status.clone(), response(status, newer))).collect();
    json!({
        "operationId": newer["operationId"],
        "summary": newer["summary"],
        "tags": newer["tags"],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "parameters": parameters,
        "responses": responses,
    })
}

fn response(status: &str, newer: &Value) -> Value {
    if status == "default" {
        let problem = json!({ "$ref": "#/definitions/Problem" });
        return json!({ "description": "What went wrong, and what to do", "schema": problem });
    }
    let mut older = json!({ "description": newer["description"] });
    if let Some(shape) = newer.pointer("/content/application~1json/schema") {
        let mut shape = shape.clone();
        schema(&mut shape);
        older["schema"] = shape;
    }
    older
}

/// Takes out of a shape what 2.0 doesn't know.
fn schema(shape: &mut Value) {
    match shape {
        Value::Object(fields) => {
            for alternatives in ["oneOf", "anyOf"] {
                if fields.get(alternatives).is_some_and(Value::is_array) {
                    fields.remove(alternatives);
                }
            }
            if let Some(nullable) = fields.remove("nullable").filter(|value| !value.is_object()) {
                fields.insert("x-nullable".to_owned(), nullable);
            }
            if let Some(Value::String(place)) = fields.get_mut("$ref") {
                *place = place.replace("#/components/schemas/", "#/definitions/");
            }
            fields.values_mut().for_each(schema);
        }
        Value::Array(values) => values.iter_mut().for_each(schema),
        _ => {}
    }
}
