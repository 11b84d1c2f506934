//! The fake host's own judgement, held against the contract's examples and tables.

use crate::support::fake_host::{Accepted, Answer, Function, Verdict};
use crate::support::http::Reply;
use crate::support::queue_messages::{messages, traps};
use serde_json::{Value, json};

fn reply(status: u16, content_type: &str, body: &str) -> Reply {
    let headers = vec![("content-type".to_owned(), content_type.to_owned())];
    Reply { status, headers, body: body.to_owned() }
}

fn ok(body: &Value) -> Reply {
    reply(200, "application/json; charset=utf-8", &body.to_string())
}

/// A function with so named queue outputs.
fn queues(names: &[&str]) -> Function {
    let queue = |name: &&str| json!({ "type": "queue", "direction": "out", "name": name });
    let mut bindings = vec![json!({ "type": "timerTrigger", "direction": "in", "name": "t" })];
    bindings.extend(names.iter().map(queue));
    Function::of("F", Value::Array(bindings))
}

/// A function with an HTTP output and a queue output.
fn http_and_queue() -> Function {
    Function::of(
        "F",
        json!([
            { "type": "httpTrigger", "direction": "in", "name": "req" },
            { "type": "http", "direction": "out", "name": "res" },
            { "type": "queue", "direction": "out", "name": "out" },
        ]),
    )
}

fn success(function: &Function, body: &Value) -> Accepted {
    match function.judge(&ok(body)) {
        Verdict::Success(accepted) => *accepted,
        other => panic!("{other:?}"),
    }
}

fn failure(function: &Function, reply: &Reply) -> String {
    match function.judge(reply) {
        Verdict::Failure(reason) => reason,
        other => panic!("{other:?}"),
    }
}

fn texts(messages: &[Vec<u8>]) -> Vec<&str> {
    messages.iter().map(|bytes| std::str::from_utf8(bytes).unwrap()).collect()
}

fn answer(status: u16, content_type: &str, body: &str) -> Answer {
    Answer { status, content_type: content_type.to_owned(), body: body.to_owned() }
}

#[test]
fn pair_04_an_object_of_other_properties_is_a_success_without_outputs() {
    let accepted = success(&queues(&["out"]), &json!({ "key1": "value1", "key2": "value2" }));

    assert!(accepted.logs.is_empty() && accepted.queues["out"].is_empty());
    assert_eq!(accepted.returned, None);
}

#[test]
fn pair_15_base64_is_one_message_of_exactly_those_bytes() {
    let accepted = success(&queues(&["out"]), &json!({ "Outputs": { "out": "eyJpZCI6MX0=" } }));

    assert_eq!(texts(&accepted.queues["out"]), [r#"{"id":1}"#]);
}

#[test]
fn pair_16_logs_outputs_and_the_return_value_are_taken() {
    let body = json!({
        "Logs": ["invocation log1", "invocation log2"],
        "Outputs": { "output1": "b3V0cHV0MVZhbHVl", "output2": "b3V0cHV0MlZhbHVl" },
        "ReturnValue": "SGVsbG8gcmV0dXJu",
    });

    let accepted = success(&queues(&["output1", "output2"]), &body);

    assert_eq!(accepted.logs, ["invocation log1", "invocation log2"]);
    assert_eq!(texts(&accepted.queues["output1"]), ["output1Value"]);
    assert_eq!(texts(&accepted.queues["output2"]), ["output2Value"]);
    assert_eq!(accepted.returned.unwrap(), b"Hello return");
}

#[test]
fn pair_17_text_that_happens_to_be_base64_becomes_garbage() {
    let body = json!({ "Outputs": { "output1": "output1Value" } });

    let accepted = success(&queues(&["output1"]), &body);

    let garbage = [0xa2, 0xeb, 0x69, 0xba, 0xdd, 0x55, 0x6a, 0x5b, 0x9e];
    assert_eq!(accepted.queues["output1"], [garbage]);
    assert_eq!(traps(&body["Outputs"]["output1"]), ["output1Value"]);
}

#[test]
fn pair_18_an_array_of_objects_is_a_message_each() {
    let body = json!({ "Outputs": { "out": [{ "id": 1 }, { "id": 2 }] } });

    let accepted = success(&queues(&["out"]), &body);

    assert_eq!(texts(&accepted.queues["out"]), ["{\n  \"id\": 1\n}", "{\n  \"id\": 2\n}"]);
    assert!(traps(&body["Outputs"]["out"]).is_empty());
}

#[test]
fn pair_19_an_empty_answer_or_null_never_ends_the_call() {
    let function = queues(&[]);
    let hangs = |reply| matches!(function.judge(&reply), Verdict::Hang);

    assert!(hangs(reply(204, "", "")));
    assert!(hangs(reply(200, "application/json", "")));
    assert!(hangs(reply(200, "application/json", "null")));
}

#[test]
fn pair_20_a_body_that_is_no_json_is_a_failure_that_quotes_it() {
    let reason = failure(&queues(&[]), &reply(200, "application/json", "Hello World"));

    assert!(reason.contains("200") && reason.contains("Hello World"), "{reason}");
}

#[test]
fn pair_21_another_media_type_is_a_failure() {
    for media in ["text/plain", "application/problem+json", ""] {
        let reason = failure(&queues(&[]), &reply(200, media, "TestMessage"));
        assert!(reason.contains("media type"), "{reason}");
    }
}

#[test]
fn other_shapes_and_statuses_are_failures() {
    let function = queues(&["out"]);

    for status in [302, 400, 404, 500, 503] {
        failure(&function, &reply(status, "application/json", "{}"));
    }
    for body in [r#"{"Logs":"line"}"#, r#"{"logs":[1]}"#, r#"{"outputs":[]}"#, "[]", "7", "\"x\""] {
        failure(&function, &reply(200, "application/json", body));
    }
    let mut packed = ok(&json!({}));
    packed.headers.push(("content-encoding".to_owned(), "gzip".to_owned()));
    failure(&function, &packed);
}

#[test]
fn pair_25_an_http_output_is_the_callers_answer() {
    let body = json!({
        "Logs": ["invocation log1", "invocation log2"],
        "Outputs": { "res": { "statusCode": "201", "body": "my world" } },
    });

    let accepted = success(&http_and_queue(), &body);

    let expected = answer(201, "text/plain; charset=utf-8", "my world");
    assert_eq!(accepted.http, Some(expected));
    assert_eq!(accepted.logs.len(), 2);
}

#[test]
fn pair_26_an_http_output_and_a_message_go_side_by_side() {
    let outputs = json!({ "res": { "statusCode": 202, "body": "ok" }, "out": "eyJpZCI6MX0=" });

    let accepted = success(&http_and_queue(), &json!({ "Outputs": outputs }));

    assert_eq!(accepted.http, Some(answer(202, "text/plain; charset=utf-8", "ok")));
    assert_eq!(texts(&accepted.queues["out"]), [r#"{"id":1}"#]);
}

#[test]
fn every_row_of_the_http_table_holds() {
    let http = |body: Value| success(&http_and_queue(), &body).http.unwrap();
    let res = |value: Value| http(json!({ "Outputs": { "res": value } }));
    let json_type = json!({ "Content-Type": "application/json" });

    assert_eq!(http(json!({ "Outputs": {} })), answer(200, "application/json", "{}"));
    assert_eq!(http(json!({})).status, 204);
    assert_eq!(res(json!({ "statusCode": "204" })).status, 204);
    assert_eq!(res(json!({ "status": 404 })).status, 200);
    assert_eq!(res(json!({ "body": "hi" })), answer(200, "text/plain; charset=utf-8", "hi"));
    let with_type = res(json!({ "body": { "a": 1 }, "headers": json_type }));
    assert_eq!(with_type, answer(200, "application/json", "{\n  \"a\": 1\n}"));
    assert_eq!(res(json!("SomeBlah")).status, 500);
    let broken = ok(&json!({ "Outputs": { "res": { "headers": { "Accept": ["a"] } } } }));
    failure(&http_and_queue(), &broken);
}

#[test]
fn every_row_of_the_message_table_holds() {
    let made = |value: Value| messages(Some(&value), false).unwrap();

    assert!(messages(None, false).unwrap().is_empty());
    assert!(made(Value::Null).is_empty() && made(json!([])).is_empty());
    assert_eq!(made(json!("hello there")), [b"hello there"]);
    assert_eq!(made(json!("test")), [[0xb5, 0xeb, 0x2d]]);
    assert_eq!(made(json!("true")), [[0xb6, 0xbb, 0x9e]]);
    assert_eq!(made(json!("1234")), [[0xd7, 0x6d, 0xf8]]);
    assert_eq!(made(json!("")), [b""]);
    assert_eq!(texts(&made(json!({ "id": 1 }))), ["{\n  \"id\": 1\n}"]);
    assert_eq!(texts(&made(json!(r#"{"id":1}"#))), ["{\n  \"id\": 1\n}"]);
    for three in [json!([{ "id": 1 }, "b", 3]), json!(r#"[{"id":1},"b",3]"#)] {
        assert_eq!(texts(&made(three)), ["{\n  \"id\": 1\n}", "b", "3"]);
    }
    assert!(messages(Some(&json!("{oops}")), false).is_err());
    assert_eq!(texts(&made(json!("2024-10-24T10:00:00Z"))), ["10/24/2024 10:00:00"]);
    let dated = made(json!({ "at": "2024-10-24T12:00:00+02:00" }));
    assert_eq!(texts(&dated), ["{\n  \"at\": \"2024-10-24T10:00:00+00:00\"\n}"]);
}

#[test]
fn dates_at_any_depth_and_base64_in_the_open_are_traps() {
    let dated = json!([{ "a": [{ "at": "2024-10-24T10:00:00" }] }]);

    assert_eq!(traps(&dated), ["2024-10-24T10:00:00"]);
    assert_eq!(traps(&json!(["eyJpZCI6MX0="])), ["eyJpZCI6MX0="]);
    assert!(traps(&json!([{ "run": "20261122T101500Z" }])).is_empty());
}
