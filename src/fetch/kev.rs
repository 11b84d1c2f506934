//! CISA's catalogue: one JSON file, from its mirror where the site refuses this machine.

use super::feed::in_one_line;
use super::page::{Page, Place, malformed};
use super::{FetchError, Reader};
use crate::cloud::{Answer, CallError, Meter, Patience};
use azure_core::http::Url;
use serde::Deserialize;
use serde_json::value::RawValue;

/// Where CISA's own copy lies on the mirror's host.
///
/// <https://github.com/cisagov/kev-data>
const MIRROR: &str = "/cisagov/kev-data/develop/known_exploited_vulnerabilities.json";
/// Records that may go from one reading to the next: CISA removes one or two a year.
const MAX_SHRINK: u64 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue<'a> {
    #[serde(borrow)]
    catalog_version: Option<&'a RawValue>,
    #[serde(borrow)]
    date_released: Option<&'a RawValue>,
    count: Option<u64>,
    #[serde(borrow)]
    vulnerabilities: Vec<&'a RawValue>,
}

impl Reader<'_> {
    /// The whole catalogue: from the site, else from its mirror.
    pub(super) async fn kev(&self, url: Url, meter: &Meter) -> Result<Page, FetchError> {
        let read = |answer| read(answer, self.expected);
        // A refusal or a page for people isn't worth many tries: the mirror has the same.
        let short = Patience { tries: self.patience.tries.min(2), ..self.patience };
        let first = match self.visit(url, &short, meter, read).await {
            Ok((page, _)) => return Ok(page),
            Err(error) => error,
        };
        let mirror = format!("{}{MIRROR}", self.tenant.cloud.feeds.kev_mirror);
        let Ok(mirror) = Url::parse(&mirror) else { return Err(self.explain_visit(first)) };
        match self.visit(mirror, &self.patience, meter, read).await {
            Ok((page, _)) => Ok(page),
            Err(error) => Err(self.neither(&first, error)),
        }
    }

    fn neither(&self, first: &CallError, error: CallError) -> FetchError {
        match self.explain_visit(error) {
            FetchError::Broken { what } | FetchError::Unavailable { what, .. } => {
                FetchError::Broken { what: format!("{first}; the mirror: {what}") }
            }
            other => other,
        }
    }
}

/// The catalogue of an answer, where it is one and whole.
pub(super) fn read(answer: Answer, expected: u64) -> Result<Page, String> {
    let Answer { body, partial, room, .. } = answer;
    let body = in_one_line(body);
    let text = std::str::from_utf8(&body).map_err(|_| "the catalogue isn't UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}');
    let catalogue: Catalogue = serde_json::from_str(text).map_err(malformed)?;
    let records = catalogue.vulnerabilities.len() as u64;
    if catalogue.count.is_some_and(|count| count != records) {
        return Err(format!("the catalogue is cut: it has {records} records and counts others"));
    }
    if records == 0 || records + MAX_SHRINK < expected {
        return Err(format!("the catalogue has {records} records where {expected} are known"));
    }
    let mut page = Page { body: body.clone(), partial, _room: room, ..Page::default() };
    let common =
        [("catalogVersion", catalogue.catalog_version), ("dateReleased", catalogue.date_released)];
    let common = common.into_iter().filter_map(|(name, raw)| Some((name, raw?.get().to_owned())));
    page.common = common.collect();
    for raw in catalogue.vulnerabilities {
        page.items.push(Place { raw: page.range(raw.get()), parent: None });
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Room;

    fn of(body: &'static str, expected: u64) -> Result<Page, String> {
        let (body, room) = (body.as_bytes().into(), Room::default());
        read(Answer { status: 200, partial: false, body, room }, expected)
    }

    #[test]
    fn a_record_has_the_catalogues_version_and_its_own_bytes() {
        let page = of(
            r#"{"catalogVersion":"2026.10.20","count":1,"vulnerabilities":[{"cveID" : "CVE-1"}]}"#,
            0,
        )
        .unwrap();

        let item = page.item(0);
        assert_eq!(item.raw, r#"{"cveID" : "CVE-1"}"#);
        assert_eq!(item.parent, [("catalogVersion", r#""2026.10.20""#)]);
    }

    #[test]
    fn what_is_cut_empty_shrunk_or_no_catalogue_is_not_taken() {
        for body in [
            r#"{"count":2,"vulnerabilities":[{"cveID":"CVE-1"}]}"#,
            r#"{"count":0,"vulnerabilities":[]}"#,
            "<html>Please wait</html>",
            r#"{"message":"x"}"#,
        ] {
            assert!(of(body, 0).is_err(), "{body}");
        }
        let one = r#"{"count":1,"vulnerabilities":[{"cveID":"CVE-1"}]}"#;
        assert!(of(one, 12).is_err());
        assert!(of(one, 11).is_ok(), "one or two may go");
    }
}
