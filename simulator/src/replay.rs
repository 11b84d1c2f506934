//! Recorded pages in place of generated ones: bytes unchanged but for the next link.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::{Form, ODATA};

/// The recorded page `number` (from 1) of a source, with a link to `next` where one follows.
///
/// A source or page that isn't there is an empty page.
pub(crate) async fn page(folder: &Path, source: &str, number: u32, next: &str) -> Bytes {
    page_of(folder, source, number, next, &ODATA).await
}

/// The same with the names that `form` gives.
pub(crate) async fn page_of(
    folder: &Path,
    source: &str,
    number: u32,
    next: &str,
    form: &Form,
) -> Bytes {
    let file = |number: u32| folder.join(source).join(format!("page-{number}.json"));
    let Ok(body) = tokio::fs::read(file(number)).await else {
        return Bytes::from_static(br#"{"value":[]}"#);
    };
    let follows = tokio::fs::try_exists(file(number + 1)).await.unwrap_or(false);
    with_next(&body, form.link, follows.then_some(next))
}

/// The body with this next link and no other, or without one. All other bytes stay.
pub(crate) fn with_next(body: &[u8], link: &str, next: Option<&str>) -> Bytes {
    let next = next.map(|next| Value::from(next).to_string());
    match (entry(body, link), next) {
        (Some((_, value)), Some(next)) => splice(body, value, next.as_bytes()),
        (Some((whole, _)), None) => splice(body, with_comma(body, whole), b""),
        (None, None) => Bytes::copy_from_slice(body),
        (None, Some(next)) => {
            let Some(end) = body.iter().rposition(|&byte| byte == b'}') else {
                return Bytes::copy_from_slice(body);
            };
            let at = body[..end].iter().rposition(|byte| !byte.is_ascii_whitespace());
            let comma = if at.is_some_and(|at| body[at] == b'{') { "" } else { "," };
            let at = at.map_or(end, |at| at + 1);
            splice(body, at..at, format!(r#"{comma}"{link}":{next}"#).as_bytes())
        }
    }
}

fn splice(body: &[u8], range: Range<usize>, text: &[u8]) -> Bytes {
    [&body[..range.start], text, &body[range.end..]].concat().into()
}

/// The entry together with the comma that separates it from the next or the last one.
fn with_comma(body: &[u8], entry: Range<usize>) -> Range<usize> {
    let after = skip_space(body, entry.end);
    if body.get(after) == Some(&b',') {
        return entry.start..after + 1;
    }
    match body[..entry.start].iter().rposition(|byte| !byte.is_ascii_whitespace()) {
        Some(before) if body[before] == b',' => before..entry.end,
        _ => entry,
    }
}

/// Where the top-level next link stands: the whole entry, and its value.
fn entry(body: &[u8], link: &str) -> Option<(Range<usize>, Range<usize>)> {
    let link = Value::from(link).to_string().into_bytes();
    let (mut depth, mut at) = (0, 0);
    while at < body.len() {
        match body[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => {
                let end = string_end(body, at);
                let colon = skip_space(body, end);
                if depth == 1 && body[at..end] == *link && body.get(colon) == Some(&b':') {
                    let start = skip_space(body, colon + 1);
                    let value = start..value_end(body, start);
                    return Some((at..value.end, value));
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

fn skip_space(body: &[u8], from: usize) -> usize {
    let rest = body.get(from..).unwrap_or_default();
    from + rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count()
}

/// The end of a link or null.
fn value_end(body: &[u8], start: usize) -> usize {
    match body.get(start) {
        Some(b'"') => string_end(body, start),
        _ => body[start..]
            .iter()
            .position(|byte| matches!(byte, b',' | b'}') || byte.is_ascii_whitespace())
            .map_or(body.len(), |length| start + length),
    }
}

/// The position after the closing quote of the string that opens at `start`.
fn string_end(body: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < body.len() && body[at] != b'"' {
        at += if body[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(body.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_top_level_link_is_touched() {
        let body = br#"{ "value": [{"@odata.nextLink":"mine", "n": 1.50}],
  "@odata.nextLink" : "old" }"#;

        let replaced = with_next(body, ODATA.link, Some("new"));
        let removed = with_next(body, ODATA.link, None);

        let kept = r#"{ "value": [{"@odata.nextLink":"mine", "n": 1.50}]"#;
        assert_eq!(replaced, format!("{kept},\n  \"@odata.nextLink\" : \"new\" }}"));
        assert_eq!(removed, format!("{kept} }}"));
    }

    #[test]
    fn a_missing_link_is_put_in_last() {
        assert_eq!(
            with_next(b"{\"value\":[]\n}\n", ODATA.link, Some("a\"b")),
            "{\"value\":[],\"@odata.nextLink\":\"a\\\"b\"\n}\n"
        );
        assert_eq!(with_next(b"{}", ODATA.link, Some("x")), r#"{"@odata.nextLink":"x"}"#);
        assert_eq!(
            with_next(br#"{"@odata.nextLink":"x","value":[]}"#, ODATA.link, None),
            r#"{"value":[]}"#
        );
    }
}
