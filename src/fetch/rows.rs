//! Answers of Azure Resource Manager: rows of Resource Graph, and lists with `nextLink`.

use super::page::{Members, Page, Place, malformed};
use crate::cloud::Answer;
use crate::source::Resources;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    data: Option<Vec<&'a RawValue>>,
    #[serde(rename = "$skipToken", borrow)]
    token: Option<Cow<'a, str>>,
    /// Documented as the text `"true"` or `"false"`.
    #[serde(rename = "resultTruncated", borrow)]
    truncated: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(borrow)]
    value: Option<Vec<&'a RawValue>>,
    #[serde(rename = "nextLink", borrow)]
    next: Option<Cow<'a, str>>,
}

/// Whether a record is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// It is.
    Ours,
    /// It belongs to another tenant.
    Foreign,
    /// It belongs to a subscription that isn't collected.
    Unasked,
}

impl Page {
    /// The rows of an answer of Resource Graph that don't name another tenant than `tenant` as theirs,
    /// with its skip token as next.
    ///
    /// Rows that are cut off without a token make the page partial.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer, in words, where it has no rows.
    pub(super) fn rows(answer: Answer, resources: Resources, tenant: &str) -> Result<Page, String> {
        let mut page = Page::of(answer);
        let body = page.body.clone();
        let rows: Rows = serde_json::from_str(text(&body)?).map_err(malformed)?;
        page.next = rows.token.filter(|token| !token.is_empty()).map(Cow::into_owned);
        let truncated =
            rows.truncated.is_some_and(|raw| unquoted(raw).eq_ignore_ascii_case("true"));
        page.partial |= truncated && page.next.is_none();
        for raw in rows.data.ok_or("a page has no `data`")? {
            page.take(raw, resources, |own| match own.0.contains_key("tenantId") {
                true if !is_of(own, tenant) => Whose::Foreign,
                _ => Whose::Ours,
            });
        }
        Ok(page)
    }

    /// The items of a list that are `ours`; each with the fields that `resources` draws out of it,
    /// where it has none of that name itself.
    ///
    /// # Errors
    ///
    /// What is wrong with the answer, in words, where it is no list.
    pub(super) fn list(
        answer: Answer,
        resources: Resources,
        whose: impl Fn(&Members) -> Whose,
    ) -> Result<Page, String> {
        let mut page = Page::of(answer);
        let body = page.body.clone();
        let list: List = serde_json::from_str(text(&body)?).map_err(malformed)?;
        page.next = list.next.filter(|next| !next.is_empty()).map(Cow::into_owned);
        for raw in list.value.ok_or("a page has no `value`")? {
            page.take(raw, resources, &whose);
        }
        Ok(page)
    }

    /// A page without records, on the way to `next`.
    pub(super) fn empty(next: Option<String>) -> Page {
        Page { next, ..Page::default() }
    }

    fn of(answer: Answer) -> Page {
        let Answer { body, partial, room, .. } = answer;
        Page { body, partial, _room: room, ..Page::default() }
    }

    /// Takes a record that is ours. One that is no object is, so that it is noted like any other that
    /// is none.
    fn take(&mut self, raw: &RawValue, resources: Resources, whose: impl Fn(&Members) -> Whose) {
        let own = serde_json::from_str::<Members>(raw.get());
        match own.as_ref().map_or(Whose::Ours, whose) {
            Whose::Ours => {}
            Whose::Foreign => return self.foreign += 1,
            Whose::Unasked => return,
        }
        let parent = own.ok().map(|own| {
            let missing = resources.fields.iter().filter(|(name, _)| !own.0.contains_key(*name));
            let drawn = missing.filter_map(|(name, places)| {
                let found = places.iter().find_map(|place| at(&own, place))?;
                Some((*name, self.range(found.get())))
            });
            let drawn = drawn.collect();
            self.parents.push(drawn);
            self.parents.len() - 1
        });
        self.items.push(Place { raw: self.range(raw.get()), parent });
    }
}

fn text(body: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(body)
        .map_err(|error| format!("a page isn't UTF-8 (byte {})", error.valid_up_to()))?;
    Ok(text.trim_start_matches('\u{feff}'))
}

/// What is at a path inside a record, whatever the letter case of its keys; nothing for null.
fn at<'a>(own: &Members<'a>, path: &str) -> Option<&'a RawValue> {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    let mut named = own.0.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
    let value = named.next().map(|(_, value)| *value).filter(|value| value.get() != "null")?;
    match rest {
        "" => Some(value),
        rest => at(&serde_json::from_str(value.get()).ok()?, rest),
    }
}

/// Whether a record names this tenant as its own.
pub(super) fn is_of(own: &Members, tenant: &str) -> bool {
    own.0.get("tenantId").is_some_and(|id| unquoted(id).eq_ignore_ascii_case(tenant))
}

/// A text field of a record.
pub(super) fn field(own: &Members, name: &str) -> Option<String> {
    serde_json::from_str(own.0.get(name)?.get()).ok()
}

fn unquoted(raw: &RawValue) -> &str {
    raw.get().trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Room;
    use crate::source::{ASSESSMENTS, Fetch};
    use bytes::Bytes;

    fn answer(body: &'static str) -> Answer {
        Answer { status: 200, partial: false, body: Bytes::from(body), room: Room::default() }
    }

    fn resources() -> Resources {
        let Fetch::Resources(resources) = ASSESSMENTS.fetch else { panic!("no resources") };
        resources
    }

    #[test]
    fn rows_of_another_tenant_are_left_aside() {
        let body = r#"{"resultTruncated":"false","$skipToken":"a+b/=","count":4,"data":[
            {"id" : 1, "tenantId":"T-1"},{"tenantId":"t-2","id":2},{"tenantId":null},{"id":3},7]}"#;

        let page = Page::rows(answer(body), resources(), "t-1").unwrap();

        assert_eq!((page.len(), page.foreign, page.partial), (3, 2, false));
        let taken: Vec<_> = (0..3).map(|index| page.item(index).raw).collect();
        assert_eq!(taken, [r#"{"id" : 1, "tenantId":"T-1"}"#, r#"{"id":3}"#, "7"]);
        assert_eq!(page.next.as_deref(), Some("a+b/="));
    }

    #[test]
    fn rows_cut_off_without_a_token_make_a_page_partial() {
        let partial = |body| Page::rows(answer(body), resources(), "t").unwrap().partial;

        assert!(partial(r#"{"resultTruncated":"true","data":[]}"#));
        assert!(partial(r#"{"resultTruncated":true,"data":[]}"#));
        assert!(!partial(r#"{"resultTruncated":"true","$skipToken":"x","data":[]}"#));
        assert!(!partial(r#"{"resultTruncated":"false","data":[]}"#));
        assert!(!partial(r#"{"data":[]}"#));
    }

    #[test]
    fn fields_are_drawn_out_of_items_whatever_their_letter_case() {
        let body = r#"{"nextLink":"https://x/?a","value":[{"id":"a","statusCode":"own",
            "properties":{"displayName":"B","Status":{"code":"Healthy","cause":null},
            "resourceDetails":{"source":"Azure","ID":"/s/1"}}},5]}"#;

        let mut page = Page::list(answer(body), resources(), |_| Whose::Ours).unwrap();
        page.common = vec![("tenantId", r#""t""#.to_owned())];

        let item = page.item(0);
        let drawn: Vec<_> =
            item.parent.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let expected = [
            r#"tenantId="t""#,
            r#"displayName="B""#,
            r#"resourceSource="Azure""#,
            r#"assessedResourceId="/s/1""#,
        ];
        assert_eq!(drawn, expected);
        assert_eq!((page.item(1).raw, page.next.as_deref()), ("5", Some("https://x/?a")));
    }

    #[test]
    fn what_is_no_page_says_why_without_its_text() {
        for (body, why) in [
            (r#"{"data":{"columns":[],"rows":[["secret"]]}}"#, "no JSON of the documented shape"),
            (r#"{"error":"secret"}"#, "no `data`"),
            ("<html>secret", "no JSON"),
        ] {
            let error = Page::rows(answer(body), resources(), "t").unwrap_err();
            assert!(error.contains(why) && !error.contains("secret"), "{error}");
        }
    }
}
