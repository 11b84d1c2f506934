//! NVD's records: all of them by index, then what was modified since, in windows of at most 120 days; and by
//! name those that nobody asked for before.

mod spot;

pub use spot::first_link;

use super::feed::in_one_line;
use super::page::{Page, Place, malformed};
use super::{FetchError, Reader};
use crate::cloud::{Answer, CallError, Meter, Patience};
use azure_core::http::Url;
use serde::Deserialize;
use serde_json::value::RawValue;
use spot::{PAGE, Spot, instant};
use std::time::Duration;
use tracing::warn;

/// Fewest records asked for where NVD takes too long.
const SMALLEST_PAGE: u64 = 250;
/// The first wait of our own after a failure; the next ones are twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(6);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing<'a> {
    start_index: u64,
    results_per_page: u64,
    total_results: u64,
    timestamp: String,
    #[serde(borrow)]
    vulnerabilities: Vec<Wrapped<'a>>,
}

#[derive(Deserialize)]
struct Wrapped<'a> {
    #[serde(borrow)]
    cve: &'a RawValue,
}

impl Reader<'_> {
    /// The page at `url`. Where NVD takes too long over it, half of it is asked for.
    pub(super) async fn nvd(&mut self, url: Url, meter: &Meter) -> Result<Page, FetchError> {
        let mut spot = Spot::of(&url);
        let address = format!("{}{}", url.origin().ascii_serialization(), url.path());
        // Tests have less patience than NVD needs.
        let first_wait = match self.patience.first_wait < Patience::DEFAULT.first_wait {
            true => self.patience.first_wait,
            false => FIRST_WAIT,
        };
        let patience = Patience { first_wait, ..self.patience };
        loop {
            let asked = Url::parse(&spot.link(&address));
            let asked = asked.map_err(|error| FetchError::Broken { what: error.to_string() })?;
            let read = |answer| read(answer, &spot, &address);
            match self.visit(asked, &patience, meter, read).await {
                Ok((page, _)) => return Ok(page),
                Err(CallError::Unavailable { what, .. })
                    if what == "answered 524" && spot.size / 2 >= SMALLEST_PAGE =>
                {
                    spot.size /= 2;
                }
                // Newer than the rest of the service, and not worth the rest of the run.
                Err(error @ CallError::Rejected { .. }) if !spot.names.is_empty() => {
                    warn!("NVD gives nothing by name ({error}): the next run asks again");
                    let window = Spot { names: Vec::new(), index: 0, ..spot };
                    return Ok(Page { next: Some(window.link(&address)), ..Page::default() });
                }
                Err(error) => return Err(self.explain_visit(error)),
            }
        }
    }
}

/// A page of a read of all records.
pub(super) fn read_whole(answer: Answer) -> Result<Page, String> {
    read(answer, &Spot { size: PAGE, ..Spot::default() }, "")
}

fn read(answer: Answer, spot: &Spot, address: &str) -> Result<Page, String> {
    let Answer { body, partial, room, .. } = answer;
    let body = in_one_line(body);
    let text = std::str::from_utf8(&body).map_err(|_| "a page isn't UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}');
    let listing: Listing = serde_json::from_str(text).map_err(malformed)?;
    let now = instant(&listing.timestamp).ok_or("a page says no time")?;
    let mut page = Page { body: body.clone(), partial, _room: room, ..Page::default() };
    page.next = spot.next(&listing, now).map(|next| next.link(address));
    page.mark = spot.mark.or(Some(now)).map(|mark| mark.to_string());
    page.named = spot.asked().to_vec();
    page.common = vec![("wholeRead", spot.from.is_none().to_string())];
    for wrapped in &listing.vulnerabilities {
        page.items.push(Place { raw: page.range(wrapped.cve.get()), parent: None });
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Room;
    use jiff::{SignedDuration, Timestamp};

    const SERVICE: (&str, &str) = ("https://services.nvd.nist.gov", "/rest/json/cves/2.0");
    const ORIGIN: &str = "https://services.nvd.nist.gov/rest/json/cves/2.0";

    fn at(text: &str) -> Timestamp {
        instant(text).unwrap()
    }

    fn page(link: &str, total: u64, count: u64, time: &str) -> Page {
        let spot = Spot::of(&Url::parse(link).unwrap());
        let records: Vec<_> =
            (0..count).map(|n| format!(r#"{{"cve":{{"id":"CVE-{n}"}}}}"#)).collect();
        let body = format!(
            r#"{{"resultsPerPage":{count},"startIndex":{},"totalResults":{total},"timestamp":"{time}",
                "vulnerabilities":[{}]}}"#,
            spot.index,
            records.join(",")
        );
        let answer =
            Answer { status: 200, partial: false, body: body.into(), room: Room::default() };
        read(answer, &spot, ORIGIN).unwrap()
    }

    #[test]
    fn a_first_run_reads_all_and_then_what_changed_meanwhile() {
        let now = at("2026-10-20T14:00:00");
        let first = first_link(SERVICE, None, Vec::new(), now);

        let one = page(&first, 3, 2, "2026-10-20T14:00:00.123");
        let two = page(one.next.as_deref().unwrap(), 3, 1, "2026-10-20T14:30:00.123");
        let three = page(two.next.as_deref().unwrap(), 0, 0, "2026-10-20T14:31:00.123");

        assert!(one.next.unwrap().contains("&startIndex=2#mark="));
        let window = two.next.unwrap();
        assert!(window.contains("lastModStartDate=2026-10-20T13:50:00Z"), "{window}");
        assert!(window.contains("lastModEndDate=2026-10-20T14:30:00Z"), "{window}");
        assert_eq!(three.next, None);
        assert_eq!(three.mark.as_deref(), Some("2026-10-20T14:31:00.123Z"), "NVD's own time");
    }

    #[test]
    fn a_long_pause_is_read_in_windows_of_less_than_120_days() {
        let now = at("2026-10-20T00:00:00");
        let since = Some("2026-03-01T00:00:00.5Z");
        let mut link = Some(first_link(SERVICE, since, Vec::new(), now));
        let mut spans = Vec::new();
        while let Some(this) = link {
            let spot = Spot::of(&Url::parse(&this).unwrap());
            spans.push((spot.from.unwrap(), spot.to.unwrap()));
            link = page(&this, 0, 0, "2026-10-20T00:00:01").next;
        }

        assert_eq!(spans.len(), 2);
        assert!(
            spans
                .iter()
                .all(|(from, to)| to.duration_since(*from) < SignedDuration::from_hours(2_880))
        );
        assert!(spans[1].0 < spans[0].1, "they overlap");
        assert_eq!(spans[1].1, now);
    }

    #[test]
    fn where_a_read_is_survives_its_link() {
        let spot = Spot {
            mark: Some(at("2026-10-20T00:00:01.5")),
            index: 4_000,
            ..Spot::window(at("2026-10-01T00:00:00"), at("2026-10-20T00:00:00"))
        };
        let by_name = Spot { names: names(250), ..spot.clone() };
        for spot in [spot, by_name] {
            assert_eq!(Spot::of(&Url::parse(&spot.link(ORIGIN)).unwrap()), spot);
        }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("CVE-2026-{number:04}")).collect()
    }

    #[test]
    fn names_are_asked_for_by_the_hundred_and_then_the_window() {
        let now = at("2026-10-20T00:00:00");
        let since = Some("2026-10-19T00:00:00Z");
        let mut link = Some(first_link(SERVICE, since, names(201), now));
        let (mut named, mut windows) = (Vec::new(), Vec::new());
        while let Some(this) = link {
            let page = page(&this, 0, 0, "2026-10-20T00:00:01");
            match page.named.is_empty() {
                true => windows.push(this),
                false => {
                    assert!(!this.contains("lastMod"), "{this}");
                    named.push(page.named);
                }
            }
            link = page.next;
        }

        assert_eq!(named.iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 1]);
        assert_eq!(named.concat(), names(201));
        assert_eq!(windows.len(), 1);
        let window = Spot::of(&Url::parse(&windows[0]).unwrap());
        assert_eq!((window.from, window.to), (Some(at("2026-10-18T23:50:00")), Some(now)));
        assert_eq!(window.mark, Some(at("2026-10-20T00:00:01")), "of the first answer");
    }
}
