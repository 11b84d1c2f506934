//! FIRST's daily file: gzip CSV with a comment in front, read whole and taken in pages.

use super::page::{Page, Place};
use super::{FetchError, Reader};
use crate::cloud::{Answer, CallError, Meter, Room};
use azure_core::http::Url;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

/// Rows of one page: some 2 MB of JSON.
const PAGE_ROWS: usize = 20_000;
/// Longest file, unpacked, in bytes: ten times today's.
const MAX_FILE_BYTES: u64 = 128 * 1024 * 1024;
/// How a gzip file begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A day's file.
#[derive(Debug)]
pub(super) struct File {
    model: String,
    /// When the scores were made.
    scored: String,
    names: Vec<String>,
    rows: String,
    original: Bytes,
    _room: Room,
}

impl Reader<'_> {
    /// The rows from the one that the link's fragment names, of the file that it leads to.
    ///
    /// The newest file's link says no day: what follows it does, so that a later attempt goes on in the
    /// same file, or begins anew where that is gone.
    pub(super) async fn epss(&mut self, url: Url, meter: &Meter) -> Result<Page, FetchError> {
        let from = url.fragment().and_then(|row| row.parse::<usize>().ok()).unwrap_or(0);
        let file = match self.file.take() {
            Some(file) => file,
            None => match self.visit(url.clone(), &self.patience, meter, unpack).await {
                Ok((file, _)) => file,
                Err(CallError::Rejected { status, path, .. }) if from > 0 => {
                    return Err(FetchError::Gone { what: format!("answered {status} at {path}") });
                }
                Err(error) => return Err(self.explain_visit(error)),
            },
        };
        let mut page = file.page(from).map_err(|what| FetchError::Broken { what })?;
        if from == 0 {
            page.original = Some(file.original.clone());
        }
        if page.items.len() == PAGE_ROWS {
            let mut next = url;
            let day = file.scored.get(..10).unwrap_or_default();
            next.set_path(&format!("/epss_scores-{day}.csv.gz"));
            next.set_fragment(Some(&(from + PAGE_ROWS).to_string()));
            page.next = Some(next.into());
            self.file = Some(file);
        }
        Ok(page)
    }
}

/// The first rows of a file.
pub(super) fn read(answer: Answer) -> Result<Page, String> {
    unpack(answer)?.page(0)
}

/// The file of an answer; some proxies have unpacked it already.
fn unpack(answer: Answer) -> Result<File, String> {
    let Answer { body, room, .. } = answer;
    let broken = |_| "the file of scores is no whole gzip".to_owned();
    let (text, original) = if body.starts_with(&GZIP) {
        let mut text = String::new();
        let mut unpacked = GzDecoder::new(&*body).take(MAX_FILE_BYTES);
        unpacked.read_to_string(&mut text).map_err(broken)?;
        (text, body)
    } else {
        let text = String::from_utf8(body.to_vec());
        let text = text.map_err(|_| "the file of scores isn't UTF-8".to_owned())?;
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).map_err(broken)?;
        (text, packed.finish().map_err(broken)?.into())
    };
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let (header, rows) = rest.split_once('\n').unwrap_or((rest, ""));
    let said = |name: &str| {
        let parts = first.strip_prefix('#')?.trim_end().split(',');
        // The time has colons of its own.
        let pairs = parts.filter_map(|part| part.split_once(':'));
        pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned()).next()
    };
    let missing = || "the file of scores doesn't begin with its model and day".to_owned();
    let names: Vec<_> = header.trim_end().split(',').map(str::to_owned).collect();
    if names.first().is_none_or(|name| name != "cve") {
        return Err("the file of scores has no column cve".to_owned());
    }
    let scored = zoned(said("score_date").ok_or_else(missing)?);
    let model = said("model_version").ok_or_else(missing)?;
    Ok(File { model, scored, names, rows: rows.to_owned(), original, _room: room })
}

/// Older files write the zone as `+0000`.
fn zoned(time: String) -> String {
    time.strip_suffix("+0000").map_or(time.clone(), |time| format!("{time}Z"))
}

impl File {
    /// Rows from that one on, each as a JSON object of the header's names, its values as texts.
    fn page(&self, from: usize) -> Result<Page, String> {
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).flexible(true).from_reader(self.rows.as_bytes());
        let (mut body, mut items) = (Vec::new(), Vec::new());
        for row in reader.records().skip(from).take(PAGE_ROWS) {
            let row = row.map_err(|_| "the file of scores is no CSV".to_owned())?;
            let start = body.len();
            body.push(b'{');
            for (index, (name, value)) in self.names.iter().zip(row.iter()).enumerate() {
                if index > 0 {
                    body.push(b',');
                }
                // Texts always have a JSON form.
                let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
                write!(body, "{}:{}", text(name), text(value.trim())).map_err(|e| e.to_string())?;
            }
            body.push(b'}');
            items.push(Place { raw: start..body.len(), parent: None });
        }
        let text = |text: &str| serde_json::Value::from(text).to_string();
        let common = vec![("model_version", text(&self.model)), ("score_date", text(&self.scored))];
        Ok(Page { body: body.into(), items, common, ..Page::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "#model_version:v2026.06.15,score_date:2026-10-20T12:00:21Z\n\
                        cve,epss,percentile\nCVE-2026-0001,0.91234,0.99801\n";

    fn packed(text: &str) -> Bytes {
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(text.as_bytes()).unwrap();
        packed.finish().unwrap().into()
    }

    fn of(body: Bytes) -> Result<File, String> {
        unpack(Answer { status: 200, partial: false, body, room: Room::default() })
    }

    #[test]
    fn a_row_becomes_an_object_of_texts_with_its_model_and_day() {
        for body in [packed(FILE), Bytes::from_static(FILE.as_bytes())] {
            let file = of(body).unwrap();

            let page = file.page(0).unwrap();

            let item = page.item(0);
            assert_eq!(
                item.raw,
                r#"{"cve":"CVE-2026-0001","epss":"0.91234","percentile":"0.99801"}"#
            );
            let day = ("score_date", r#""2026-10-20T12:00:21Z""#);
            assert_eq!(item.parent, [("model_version", r#""v2026.06.15""#), day]);
            assert!(file.original.starts_with(&GZIP), "kept as a gzip file either way");
        }
    }

    #[test]
    fn an_older_files_zone_is_read_and_what_is_no_such_file_is_refused() {
        let old = FILE.replace("12:00:21Z", "00:00:00+0000");
        assert_eq!(of(packed(&old)).unwrap().scored, "2026-10-20T00:00:00Z");
        for text in ["", "<html>", "cve,epss,percentile\nCVE-1,0.1,0.2\n"] {
            assert!(of(packed(text)).is_err(), "{text}");
        }
        assert!(of(packed(FILE).slice(..30)).is_err(), "cut");
    }
}
