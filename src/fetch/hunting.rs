//! Rows of advanced hunting: counted first, then read in hash buckets small enough to come whole.
//!
//! The service cuts an answer at 100,000 rows without a sign. So a read asks how many rows there are,
//! and splits them by a hash of their key. Where it is stands in the link's fragment, which never leaves
//! this program: `…/runHuntingQuery#span=<from>/<to>` is the count,
//! `…#span=<from>/<to>&base=8&of=16&bucket=3` a bucket. The span is the run's own, so that an attempt
//! that goes on asks for the same rows in the same order.

use super::{FetchError, Page, Reader, explain};
use crate::cloud::{Answer, CallError, Meter};
use crate::source::{Fetch, Hunting, Source};
use azure_core::http::{Method, Url};
use jiff::Timestamp;
use serde_json::{Value, json};

/// An answer of so many rows has been cut.
///
/// <https://learn.microsoft.com/graph/api/security-security-runhuntingquery>
const MAX_ROWS: usize = 100_000;
/// Answers are said to end at 50 MB: one that is nearly as large is taken as cut.
const MAX_ANSWER_BYTES: usize = 45_000_000;
/// Rows of a bucket, about: an answer of some 10 MB.
const BUCKET_ROWS: u64 = 20_000;
/// How often a bucket that is cut all the same is halved: rows of one key can't be told apart.
const MAX_HALVINGS: u32 = 6;

/// The link that a run begins at, for the rows of these times.
pub fn hunting_link(origin: &str, hunting: Hunting, from: Timestamp, to: Timestamp) -> String {
    let text = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let path = Fetch::Hunting(hunting).path();
    format!("{origin}{path}#span={}/{}", text(from), text(to))
}

/// A part of the rows: those whose key's hash is `number` modulo `of`. A read begins with `base` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    base: u32,
    of: u32,
    number: u32,
}

impl Bucket {
    fn first(rows: u64) -> Bucket {
        let base = u32::try_from(rows.div_ceil(BUCKET_ROWS)).unwrap_or(u32::MAX).max(1);
        Bucket { base, of: base, number: 0 }
    }

    /// The first half; nothing where it has been halved too often.
    fn half(self) -> Option<Bucket> {
        let of = self.of.checked_mul(2)?;
        (of / self.base <= 1 << MAX_HALVINGS).then_some(Bucket { of, ..self })
    }

    /// What follows: the other half, that of the bucket around it, or the next of the first ones.
    fn next(mut self) -> Option<Bucket> {
        while self.of > self.base {
            let half = self.of / 2;
            if self.number < half {
                return Some(Bucket { number: self.number + half, ..self });
            }
            self = Bucket { of: half, number: self.number - half, ..self };
        }
        let number = self.number + 1;
        (number < self.base).then_some(Bucket { number, ..self })
    }
}

/// Where a read is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    span: String,
    bucket: Option<Bucket>,
}

impl Place {
    fn of(link: &str) -> Option<Place> {
        let url = Url::parse(link).ok()?;
        let mut span = None;
        let mut numbers = [None; 3];
        for pair in url.fragment()?.split('&') {
            let (name, value) = pair.split_once('=')?;
            match ["base", "of", "bucket"].iter().position(|known| *known == name) {
                Some(index) => numbers[index] = Some(value.parse().ok()?),
                None if name == "span" => span = Some(value.to_owned()),
                None => return None,
            }
        }
        let bucket = match numbers {
            [Some(base), Some(of), Some(number)] if base > 0 && of >= base && number < of => {
                Some(Bucket { base, of, number })
            }
            [None, None, None] => None,
            _ => return None,
        };
        Some(Place { span: span?, bucket })
    }

    fn link(&self, link: &str) -> String {
        let asked = super::spot::without_fragment(link);
        let span = &self.span;
        match self.bucket {
            None => format!("{asked}#span={span}"),
            Some(Bucket { base, of, number }) => {
                format!("{asked}#span={span}&base={base}&of={of}&bucket={number}")
            }
        }
    }
}

impl Reader<'_> {
    /// The page at `link`: empty after the count, or where a bucket is cut and read in halves.
    ///
    /// # Errors
    ///
    /// As [`Reader::page`].
    pub(super) async fn hunting(
        &mut self,
        hunting: Hunting,
        link: &str,
        meter: &Meter,
    ) -> Result<Page, FetchError> {
        let place = Place::of(link).ok_or_else(|| FetchError::Broken {
            what: "the checkpoint holds a link of another release".to_owned(),
        })?;
        let at = |bucket| Place { bucket: Some(bucket), ..place.clone() }.link(link);
        let Some(bucket) = place.bucket else {
            let query = counted(self.source, hunting);
            let page = self.rows_of(link, &query, &place.span, meter).await?;
            return Ok(Page::empty(Some(at(Bucket::first(count(&page))))));
        };
        let query = split(self.source, hunting, bucket);
        let mut page = self.rows_of(link, &query, &place.span, meter).await?;
        if page.len() >= MAX_ROWS || page.body.len() > MAX_ANSWER_BYTES {
            if let Some(half) = bucket.half() {
                return Ok(Page::empty(Some(at(half))));
            }
            page.partial = true;
        }
        page.next = bucket.next().map(at);
        Ok(page)
    }

    async fn rows_of(
        &self,
        link: &str,
        query: &str,
        span: &str,
        meter: &Meter,
    ) -> Result<Page, FetchError> {
        let mut request = self.request(link, Method::Post)?;
        request.insert_header("content-type", "application/json; charset=utf-8");
        request.set_body(json!({ "Query": query, "Timespan": span }).to_string());
        let read = |answer: Answer| match answer.body.is_empty() {
            true => Err(format!("answered {} without a body", answer.status)),
            false => Page::read(answer, self.source.fetch),
        };
        let pipeline = self.tenant.pipeline(self.source.api);
        let sent = pipeline.send(&request, &self.patience, meter, read).await;
        sent.map_err(|error| match error {
            CallError::Rejected { status: 400, .. } => FetchError::Refused {
                what: error.to_string(),
                advice: "the tenant lacks the product whose table the query names: check its \
                         licence, or take the source out of POSTURE_SOURCES"
                    .to_owned(),
            },
            error => explain(error, self.source.needs),
        })
    }
}

/// The comment names the source to whoever looks at the tenant's hunting log.
fn counted(source: Source, hunting: Hunting) -> String {
    format!("// {}\n{}\n| count", source.name, hunting.query)
}

/// Sorted, so that an attempt that goes on finds the rows in the same order.
fn split(source: Source, hunting: Hunting, bucket: Bucket) -> String {
    let Bucket { of, number, .. } = bucket;
    let hashed = match source.key {
        [key] => (*key).to_owned(),
        keys => format!("strcat({})", keys.join(", '|', ")),
    };
    let part = match of {
        1 => String::new(),
        _ => format!("\n| where hash({hashed}, {of}) == {number}"),
    };
    let order: Vec<_> = source.key.iter().map(|key| format!("{key} asc")).collect();
    format!("// {}\n{}{part}\n| sort by {}", source.name, hunting.query, order.join(", "))
}

/// The number that a count answers; 0 where there is none, so that the rows are asked for at once.
fn count(page: &Page) -> u64 {
    let row = (!page.is_empty()).then(|| serde_json::from_str::<Value>(page.item(0).raw).ok());
    let row = row.flatten().unwrap_or_default();
    let named = row.as_object().and_then(|row| row.iter().find(|(name, _)| *name == "Count"));
    named.and_then(|(_, count)| count.as_u64()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::hunting::{ASSET_CRITICALITY, CERTIFICATES};
    use std::collections::BTreeSet;

    fn hunting(source: Source) -> Hunting {
        let Fetch::Hunting(hunting) = source.fetch else { panic!("no hunting") };
        hunting
    }

    #[test]
    fn a_place_is_read_back_from_its_link() {
        let (from, to) = ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z");
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let first = hunting_link("https://x", hunting(CERTIFICATES), from, to);
        let span = "2026-11-01T00:00:00Z/2026-11-02T00:00:00Z".to_owned();

        let count = Place::of(&first).unwrap();
        let bucket = Place { span, bucket: Some(Bucket { base: 3, of: 6, number: 5 }) };
        let link = bucket.link(&first);

        assert_eq!(count.bucket, None);
        assert_eq!(count.link(&first), first);
        assert_eq!(Place::of(&link), Some(bucket.clone()), "{link}");
        assert_eq!(bucket.link(&link), link);
        for wrong in ["https://x", "https://x#span=a&base=0&of=0&bucket=0", "https://x#token=1"] {
            assert_eq!(Place::of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn rows_are_read_in_as_many_buckets_as_they_need() {
        assert_eq!(Bucket::first(0), Bucket { base: 1, of: 1, number: 0 });
        assert_eq!(Bucket::first(20_000).base, 1);
        assert_eq!(Bucket::first(1_500_000).base, 75);
    }

    /// Each hash lies in exactly one of the buckets that are read, whatever is halved.
    #[test]
    fn halves_take_the_place_of_a_bucket_that_is_cut() {
        let cut = [(3, 1), (6, 1), (3, 2), (6, 5), (12, 11)];
        let (mut read, mut next) = (Vec::new(), Some(Bucket::first(60_000)));

        while let Some(bucket) = next {
            next = match cut.contains(&(bucket.of, bucket.number)) {
                true => bucket.half(),
                false => {
                    read.push(bucket);
                    bucket.next()
                }
            };
        }

        for hash in 0..48 {
            let holds = read.iter().filter(|bucket| hash % bucket.of == bucket.number);
            assert_eq!(holds.count(), 1, "{hash}: {read:?}");
        }
        let numbers: BTreeSet<_> = read.iter().map(|bucket| (bucket.of, bucket.number)).collect();
        assert_eq!(numbers.len(), read.len());
    }

    #[test]
    fn a_bucket_is_not_halved_for_ever() {
        let halvings =
            std::iter::successors(Some(Bucket::first(0)), |bucket| bucket.half()).skip(1);

        assert_eq!(halvings.count(), 6);
    }

    #[test]
    fn a_query_names_its_source_its_bucket_and_its_order() {
        let whole = split(ASSET_CRITICALITY, hunting(ASSET_CRITICALITY), Bucket::first(1));
        let part = Bucket { base: 2, of: 4, number: 3 };
        let part = split(CERTIFICATES, hunting(CERTIFICATES), part);

        assert!(whole.starts_with("// graph.hunting.asset_criticality\nExposureGraphNodes\n| "));
        assert!(whole.ends_with("\n| sort by NodeId asc") && !whole.contains("hash("), "{whole}");
        let end = "\n| where hash(strcat(DeviceId, '|', Thumbprint, '|', Path), 4) == 3\
                   \n| sort by DeviceId asc, Thumbprint asc, Path asc";
        assert!(part.ends_with(end), "{part}");
    }
}
