//! One answer's records, found without building a tree of it.

use super::{epss, kev, nvd};
use crate::cloud::{Answer, Room};
use crate::source::Fetch;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

/// One page: the answer's bytes, where its records lie, and what follows.
#[derive(Debug, Default)]
pub struct Page {
    pub(super) body: Bytes,
    pub(super) items: Vec<Place>,
    pub(super) parents: Vec<Vec<(&'static str, Range<usize>)>>,
    /// Fields in front of each record that the answer itself doesn't have.
    pub(super) common: Vec<(&'static str, String)>,
    /// The service's next link, as it stands there; nothing on the last page.
    pub next: Option<String>,
    /// Whether the service says that part of the data is missing.
    pub partial: bool,
    /// Records left aside because they belong to another tenant.
    pub foreign: u64,
    /// What was passed over on the way here, one entry each: the service's status and code.
    pub unread: Vec<String>,
    /// How far a service that is read by modification has been read with this page, by its own clock.
    pub mark: Option<String>,
    /// Of vulnerabilities that were asked for by name: those that this page answers for, found or not.
    pub named: Vec<String>,
    /// The file that the page was read from, gzip, to be kept beside its records.
    pub original: Option<Bytes>,
    pub(super) _room: Room,
}

#[derive(Debug)]
pub(super) struct Place {
    pub(super) raw: Range<usize>,
    pub(super) parent: Option<usize>,
}

/// One record of a page.
#[derive(Debug)]
pub struct Item<'a> {
    /// Its bytes, valid JSON.
    pub raw: &'a str,
    /// Its parent's fields, by the names that they take in the record.
    pub parent: Vec<(&'static str, &'a str)>,
}

#[derive(Deserialize)]
struct Listing<'a> {
    #[serde(borrow)]
    value: Option<Vec<&'a RawValue>>,
    /// What advanced hunting calls them.
    #[serde(borrow)]
    results: Option<Vec<&'a RawValue>>,
    #[serde(rename = "@odata.nextLink", borrow)]
    next: Option<Cow<'a, str>>,
}

impl Page {
    /// The records of an answer.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words, where it is no page: malformed JSON, bytes that aren't UTF-8,
    /// no `value`.
    pub fn read(answer: Answer, fetch: Fetch) -> Result<Page, String> {
        match fetch {
            Fetch::Kev(_) => return kev::read(answer, 0),
            Fetch::Epss(_) => return epss::read(answer),
            Fetch::Nvd(_) => return nvd::read_whole(answer),
            _ => {}
        }
        let Answer { body, partial, room, .. } = answer;
        let text = std::str::from_utf8(&body)
            .map_err(|error| format!("a page isn't UTF-8 (byte {})", error.valid_up_to()))?;
        let text = text.trim_start_matches('\u{feff}');
        let mut page = Page { body: body.clone(), partial, _room: room, ..Page::default() };
        let listing = listing(text, fetch)?;
        page.next = listing.next.filter(|next| !next.is_empty()).map(Cow::into_owned);
        for raw in listing.value.unwrap_or_default() {
            match fetch {
                Fetch::Members { list, parent, .. } => page.add_members(raw, list, parent),
                _ => page.items.push(Place { raw: page.range(raw.get()), parent: None }),
            }
        }
        Ok(page)
    }

    /// A parent without the list has no members; one that is no object stands for itself, so that
    /// it is noted like any other record that is none.
    fn add_members(
        &mut self,
        parent: &RawValue,
        list: &str,
        fields: &'static [(&'static str, &'static str)],
    ) {
        let Ok(mut own) = serde_json::from_str::<Members>(parent.get()) else {
            self.items.push(Place { raw: self.range(parent.get()), parent: None });
            return;
        };
        let members = own.0.remove(list).map(RawValue::get).unwrap_or("null");
        let members = serde_json::from_str::<Option<Vec<&RawValue>>>(members).ok().flatten();
        let taken = fields
            .iter()
            .filter_map(|(theirs, ours)| Some((*ours, self.range(own.0.get(*theirs)?.get()))));
        self.parents.push(taken.collect());
        let parent = Some(self.parents.len() - 1);
        for member in members.unwrap_or_default() {
            self.items.push(Place { raw: self.range(member.get()), parent });
        }
    }

    /// Where a slice of the body lies in it.
    pub(super) fn range(&self, part: &str) -> Range<usize> {
        let start = part.as_ptr() as usize - self.body.as_ptr() as usize;
        start..start + part.len()
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // `read` has checked the whole body, and ranges end where tokens do.
        std::str::from_utf8(&self.body[range.clone()]).unwrap_or_default()
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no record; such a page may still have a next link.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The record at `index`, which must be below [`Page::len`].
    pub fn item(&self, index: usize) -> Item<'_> {
        let place = &self.items[index];
        let fields = place.parent.map(|parent| &self.parents[parent]);
        let parent = fields.into_iter().flatten();
        let own = parent.map(|(name, range)| (*name, self.text(range)));
        let common = self.common.iter().map(|(name, value)| (*name, value.as_str()));
        Item { raw: self.text(&place.raw), parent: common.chain(own).collect() }
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Members<'a>(#[serde(borrow)] pub(super) HashMap<Cow<'a, str>, &'a RawValue>);

fn listing(text: &str, fetch: Fetch) -> Result<Listing<'_>, String> {
    let listing = serde_json::from_str::<Listing>(text);
    match (listing, fetch) {
        (Ok(listing), Fetch::Hunting(_)) => match listing.results {
            None => Err("a page has no `results`".to_owned()),
            value => Ok(Listing { value, results: None, next: None }),
        },
        (Ok(listing), _) if listing.value.is_some() => Ok(listing),
        (_, Fetch::Object(_)) if text.trim_start().starts_with('{') => {
            let object = serde_json::from_str::<&RawValue>(text).map_err(malformed)?;
            Ok(Listing { value: Some(vec![object]), results: None, next: None })
        }
        (Ok(_), _) => Err("a page has no `value`".to_owned()),
        (Err(error), _) => Err(malformed(error)),
    }
}

/// The place of the fault, without the text around it.
pub(super) fn malformed(error: serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    format!("a page is no JSON of the documented shape (line {line}, column {column})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{DEVICES, EXPOSURE_SCORE, SECURE_SCORE_CONTROLS, Source};

    fn read(source: Source, body: &'static [u8]) -> Result<Page, String> {
        let answer = Answer {
            status: 200,
            partial: false,
            body: Bytes::from_static(body),
            room: Room::default(),
        };
        Page::read(answer, source.fetch)
    }

    #[test]
    fn a_pages_records_are_the_services_own_bytes() {
        let page =
            read(DEVICES, br#"{"value":[{"id" : 1.50},null],"@odata.nextLink":"https://x/?a"}"#);
        let page = page.unwrap();

        assert_eq!((page.len(), page.next.as_deref()), (2, Some("https://x/?a")));
        assert_eq!(page.item(0).raw, r#"{"id" : 1.50}"#);
        assert_eq!(page.item(1).raw, "null");
    }

    #[test]
    fn an_empty_page_may_have_a_next_link() {
        let page = read(DEVICES, br#"{"@odata.nextLink":"https://x/","value":[]}"#).unwrap();

        assert!(page.is_empty() && page.next.is_some());
    }

    #[test]
    fn an_object_is_one_record_and_a_listing_of_objects_is_taken_too() {
        let one = read(EXPOSURE_SCORE, br#"{"score":33.4,"time":"2026-11-22"}"#).unwrap();
        let none = read(EXPOSURE_SCORE, br#"{"value":[]}"#).unwrap();

        assert_eq!(one.item(0).raw, r#"{"score":33.4,"time":"2026-11-22"}"#);
        assert!(none.is_empty());
    }

    #[test]
    fn members_carry_their_parents_fields() {
        let body = br#"{"value":[{"id":"d1","controlScores":[{"n":1},{"n":2}],"createdDateTime":"x"},
            {"id":"d2","controlScores":null},{"id":"d3","createdDateTime":"y","controlScores":[{"n":3}]}]}"#;

        let page = read(SECURE_SCORE_CONTROLS, body).unwrap();

        let names: Vec<_> = (0..page.len()).map(|index| page.item(index).raw).collect();
        assert_eq!(names, [r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
        let parent = page.item(2).parent;
        assert_eq!(parent, [("secureScoreId", r#""d3""#), ("createdDateTime", r#""y""#)]);
    }

    #[test]
    fn what_is_no_page_says_why_without_its_text() {
        for (body, why) in [
            (&b"{\"value\":[{\"id\":\"secret"[..], "line 1, column"),
            (b"{\"id\":\"secret\"}", "no `value`"),
            (b"{\"value\":null}", "no `value`"),
            (b"<html>secret", "no JSON"),
            (b"{\"value\":[{\"id\":\"\xff\"}]}", "isn't UTF-8 (byte 17)"),
        ] {
            let error = read(DEVICES, body).unwrap_err();
            assert!(error.contains(why) && !error.contains("secret"), "{error}");
        }
    }
}
