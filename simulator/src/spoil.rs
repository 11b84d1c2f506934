//! What a fault does to an answer: in its place, or to the right one.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::answer::{ARM, Answer, Content, Form, ODATA, Page, Records};
use crate::entra::refusal;
use crate::fault::{Api, FaultKind};
use crate::replay;
use crate::state::clock;

/// Pieces that a slow body is sent in.
const SLOW_PIECES: usize = 20;

/// Fields whose texts are one of a documented list.
const ENUMS: [&str; 23] = [
    "severity",
    "exposureLevel",
    "riskScore",
    "healthStatus",
    "onboardingStatus",
    "deviceValue",
    "controlCategory",
    "tier",
    "actionType",
    "implementationCost",
    "userImpact",
    "remediationType",
    "recommendationCategory",
    "status",
    "vulnerabilitySeverityLevel",
    "exploitabilityLevel",
    "endOfSupportStatus",
    "extensionRisk",
    "serviceSource",
    "detectionSource",
    "riskLevel",
    "riskState",
    "classification",
];

/// The answer that a fault gives before the API looks at the request; none for other faults.
pub(crate) fn instead(api: Api, path: &str, fault: &FaultKind, id: &str) -> Option<Answer> {
    match fault {
        // Cloud Discovery throttles in words of its own.
        FaultKind::Status { code: 429, .. } if is_cloud_discovery(path) => {
            let text = "Request was throttled. Expected available in 1 second.";
            Some(Answer::json(429, &json!({"detail": text})))
        }
        FaultKind::Status { code, retry_after } => {
            let (name, message) = name_of(api, *code);
            let answer = Answer::error(api, *code, name, message, id);
            Some(match retry_after {
                Some(text) => answer.header("retry-after", text),
                None => answer,
            })
        }
        FaultKind::SignIn(code) => {
            let refused = refusal::refused(*code, "The simulator was told to refuse this.");
            Some(refusal::answer(&refused, [id.to_owned(), id.to_owned()], clock()))
        }
        FaultKind::Body { content_type, body } => {
            let answer = Answer::new(200, Content::Whole(Bytes::copy_from_slice(body)));
            Some(Answer { content_type: content_type.clone(), ..answer })
        }
        FaultKind::NoContent => Some(Answer::new(204, Content::Nothing)),
        FaultKind::Html => {
            let page =
                "<!DOCTYPE html><html><body><h1>Our services aren't available</h1></body></html>";
            let answer = Answer::new(200, Content::Whole(page.into()));
            Some(Answer { content_type: "text/html".to_owned(), ..answer })
        }
        _ => None,
    }
}

fn is_cloud_discovery(path: &str) -> bool {
    path.to_ascii_lowercase().starts_with("/beta/security/datadiscovery/")
}

fn name_of(api: Api, code: u16) -> (&'static str, &'static str) {
    match (api, code) {
        (Api::Entra, 401) => ("invalid_client", "AADSTS7000215: Invalid client secret provided."),
        (Api::Entra, 400) => ("invalid_request", "AADSTS900144: The request body is wrong."),
        (Api::Entra, _) => ("temporarily_unavailable", "AADSTS90033: A transient error occurred."),
        (Api::Graph, 401) => ("InvalidAuthenticationToken", "Access token validation failure."),
        (_, 400) => ("BadRequest", "The request is invalid."),
        (_, 401) => ("Unauthorized", "The token is invalid."),
        (_, 403) => ("Forbidden", "Missing role permissions on the request."),
        (_, 404) => ("NotFound", "The resource was not found."),
        (_, 429) => ("TooManyRequests", "Too many requests. Please wait and try again."),
        (_, 503) => ("ServiceUnavailable", "The service is temporarily unavailable."),
        (_, 504) => ("GatewayTimeout", "The upstream service did not answer in time."),
        _ => ("InternalServerError", "An internal server error has occurred."),
    }
}

/// Does to the right answer what the fault says. An answer that is an error stays as it is.
pub(crate) fn spoil(api: Api, mut answer: Answer, fault: &FaultKind, own_url: &str) -> Answer {
    let form = if api == Api::Arm { &ARM } else { &ODATA };
    if answer.status >= 300 {
        return answer;
    }
    match fault {
        FaultKind::Partial => {
            answer.status = 206;
            answer = answer.header("warning", r#"199 - "Microsoft/SecureScore/503/10212""#);
        }
        FaultKind::CutBody => answer.cut = true,
        FaultKind::SlowBody(time) => {
            let body: Vec<u8> = answer.content.pieces().flatten().collect();
            let size = body.len().div_ceil(SLOW_PIECES).max(1);
            let pieces: Vec<Bytes> = body.chunks(size).map(Bytes::copy_from_slice).collect();
            answer.pause = *time / SLOW_PIECES as u32;
            answer.content = Content::Pieces(Box::new(pieces.into_iter()));
            return answer;
        }
        _ => {}
    }
    answer.content = match answer.content {
        Content::Page(page) => spoiled_page(page, fault, own_url),
        Content::Whole(bytes) => spoiled_body(bytes, fault, own_url, form),
        Content::Lines(lines) => spoiled_lines(lines, fault),
        other => other,
    };
    answer
}

fn spoiled_page(mut page: Page, fault: &FaultKind, own_url: &str) -> Content {
    match fault {
        FaultKind::Malformed | FaultKind::CutBody => return Content::Pieces(page.half()),
        FaultKind::NoValue => {
            return Content::Whole(page.without_records());
        }
        FaultKind::EmptyPage => {
            page = Page { records: Box::new(std::iter::empty()), length: 0, ..page };
            page.next = Some(own_url.to_owned());
        }
        FaultKind::NextLink(link) => page.next = Some(link.clone()),
        FaultKind::SameLink => page.next = Some(own_url.to_owned()),
        FaultKind::NonUtf8 => page.records = first_altered(page.records, broken_text),
        FaultKind::NullNumbers => {
            page.records = first_altered(page.records, |record| altered(record, null_numbers));
        }
        FaultKind::UnknownValues => {
            page.records = first_altered(page.records, |record| altered(record, unknown_values));
        }
        FaultKind::HugeRecord(bytes) => {
            page.length += 1;
            page.records = Box::new(page.records.chain(std::iter::once(huge(*bytes))));
        }
        _ => {}
    }
    Content::Page(page)
}

/// The same for the lines of a file. Malformed cuts the first line in two.
fn spoiled_lines(lines: Records, fault: &FaultKind) -> Content {
    Content::Lines(match fault {
        FaultKind::Malformed => first_altered(lines, |line| line.slice(..line.len() / 2)),
        FaultKind::CutBody => {
            let packed = Content::Lines(lines).pieces().next().unwrap_or_default();
            let half = packed.slice(..packed.len() / 2);
            return Content::Pieces(Box::new(std::iter::once(half)));
        }
        FaultKind::EmptyPage | FaultKind::NoValue => Box::new(std::iter::empty()),
        FaultKind::NonUtf8 => first_altered(lines, broken_text),
        FaultKind::NullNumbers => first_altered(lines, |line| altered(line, null_numbers)),
        FaultKind::UnknownValues => first_altered(lines, |line| altered(line, unknown_values)),
        FaultKind::HugeRecord(bytes) => Box::new(lines.chain(std::iter::once(huge(*bytes)))),
        _ => lines,
    })
}

/// The same for a body that is there as a whole: a single object, or a recorded page.
fn spoiled_body(body: Bytes, fault: &FaultKind, own_url: &str, form: &Form) -> Content {
    let with_first = |change: fn(&mut Value)| match serde_json::from_slice::<Value>(&body) {
        Ok(mut whole) => {
            let list =
                ["value", "vulnerabilities"].into_iter().find(|name| whole[*name].is_array());
            match list {
                // NVD wraps each record.
                Some(list) if whole[list][0]["cve"].is_object() => {
                    change(&mut whole[list][0]["cve"])
                }
                Some(list) if whole[list][0].is_object() => change(&mut whole[list][0]),
                Some(_) => {}
                None => change(&mut whole),
            }
            whole.to_string().into()
        }
        Err(_) => body.clone(),
    };
    Content::Whole(match fault {
        FaultKind::Malformed | FaultKind::CutBody => body.slice(..body.len() / 2),
        FaultKind::NoValue => Bytes::from_static(br#"{"@odata.context":""}"#),
        FaultKind::EmptyPage => json!({form.array: [], form.link: own_url}).to_string().into(),
        FaultKind::NextLink(link) => replay::with_next(&body, form.link, Some(link)),
        FaultKind::SameLink => replay::with_next(&body, form.link, Some(own_url)),
        FaultKind::NonUtf8 => broken_text(body),
        FaultKind::NullNumbers => with_first(null_numbers),
        FaultKind::UnknownValues => with_first(unknown_values),
        _ => body,
    })
}

fn first_altered(
    records: Records,
    change: impl Fn(Bytes) -> Bytes + Send + Sync + 'static,
) -> Records {
    let alter = move |(number, record)| if number == 0 { change(record) } else { record };
    Box::new(records.enumerate().map(alter))
}

fn altered(record: Bytes, change: fn(&mut Value)) -> Bytes {
    match serde_json::from_slice(&record) {
        Ok(mut value) => {
            change(&mut value);
            value.to_string().into()
        }
        Err(_) => record,
    }
}

/// Puts three bytes that aren't UTF-8 into the second text of the record, the one after its id.
fn broken_text(record: Bytes) -> Bytes {
    let starts: Vec<usize> = record
        .windows(3)
        .enumerate()
        .filter(|(_, w)| w == b"\":\"")
        .map(|(at, _)| at + 3)
        .collect();
    let Some(&at) = starts.get(1).or(starts.first()) else { return record };
    [&record[..at], b"\xff\xfe\xfa", &record[at..]].concat().into()
}

fn null_numbers(record: &mut Value) {
    let fields = record.as_object_mut().into_iter().flat_map(|fields| fields.values_mut());
    fields.filter(|value| value.is_number()).for_each(|value| *value = Value::Null);
}

fn unknown_values(record: &mut Value) {
    let Some(fields) = record.as_object_mut() else { return };
    for (name, value) in fields.iter_mut() {
        if ENUMS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
            *value = "SomethingNew".into();
        }
    }
    if let Some(services) = fields.get_mut("enabledServices").and_then(Value::as_array_mut) {
        services.push("HasSomethingNew".into());
    }
    fields.insert("somethingNew".to_owned(), json!({"depth": 1}));
}

/// One record of exactly this many bytes, or of the fewest possible.
fn huge(bytes: usize) -> Bytes {
    let start = r#"{"id":"huge","description":""#;
    let filler = "x".repeat(bytes.saturating_sub(start.len() + 2));
    format!(r#"{start}{filler}"}}"#).into()
}
