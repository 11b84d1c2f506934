//! Export files: gzip JSON lines behind signed links, read as a stream.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/get-assessment-methods-properties>

use crate::cloud::{Answer, Cloud, Wire};
use azure_core::http::{HttpClient, Method, Request, Url, response::AsyncResponseBody};
use flate2::write::MultiGzDecoder;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;

/// Where export files may lie, by suffix of the host.
const STORAGE: [&str; 3] =
    [".blob.core.windows.net", ".blob.core.usgovcloudapi.net", ".blob.core.chinacloudapi.cn"];

/// One snapshot's files. Links are signed: they stay in the ledger's private state.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// When the service made the snapshot, as it writes it; every six hours.
    pub generated: String,
    /// Links by path, which stays the same when a link is renewed.
    pub files: BTreeMap<String, String>,
}

impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listing of {} files of {}", self.files.len(), self.generated)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    export_files: Vec<String>,
    generated_time: String,
}

impl Listing {
    /// The listing in an answer. Links to other hosts than the cloud's storage are refused; to this
    /// machine only where the API itself is (`overridden`).
    ///
    /// # Errors
    ///
    /// What is wrong with it, without any link.
    pub fn read(answer: &Answer, overridden: bool) -> Result<Listing, String> {
        let export: Export = serde_json::from_slice(&answer.body)
            .map_err(|_| "an export listing has other than `exportFiles` and `generatedTime`")?;
        let mut files = BTreeMap::new();
        for link in export.export_files {
            let url = Url::parse(&link).map_err(|_| "an export file's link is no URL")?;
            let is_ours = is_storage(&url) || (overridden && crate::cloud::is_loopback(&url));
            if !is_ours {
                let host = url.host_str().unwrap_or_default();
                return Err(format!("an export file lies on the foreign host {host}"));
            }
            files.insert(url.path().to_owned(), link);
        }
        Ok(Listing { generated: export.generated_time, files })
    }

    /// Each file's id and path. An id is 12 hex digits that no other snapshot's file has; it stays when
    /// links are renewed.
    pub fn ids(&self) -> impl Iterator<Item = (String, &str)> {
        self.files.keys().map(|path| {
            let hash = digest(&SHA256, format!("{}\n{path}", self.generated).as_bytes());
            let id = hash.as_ref()[..6].iter().map(|byte| format!("{byte:02x}")).collect();
            (id, path.as_str())
        })
    }
}

fn is_storage(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https" && STORAGE.iter().any(|suffix| host.ends_with(suffix))
}

/// Whether a base stands in for the API on this machine.
pub fn is_overridden(wire: &Wire, cloud: &Cloud) -> bool {
    wire.route(cloud.defender).is_some_and(|route| crate::cloud::is_loopback(&route.base))
}

/// Why a file can't be read on.
#[derive(Debug, PartialEq, Eq)]
pub enum FileError {
    /// Its link has expired, or its snapshot is gone.
    Expired,
    /// Reading broke: again from the row that is next.
    Broken(String),
}

/// A file's bytes, as they arrive. No token goes along: the link is signed.
///
/// # Errors
///
/// [`FileError`].
pub async fn file_body(wire: &Wire, link: &str) -> Result<AsyncResponseBody, FileError> {
    let broken = |what: &str| FileError::Broken(what.to_owned());
    let url = Url::parse(link).map_err(|_| broken("an export file's link is no URL"))?;
    let answer = wire.execute_request(&Request::new(url, Method::Get)).await;
    let answer = answer.map_err(|_| broken("no connection to an export file"))?;
    match u16::from(answer.status()) {
        200 => Ok(answer.into_body()),
        403 | 404 | 410 => Err(FileError::Expired),
        status => Err(FileError::Broken(format!("an export file answered {status}"))),
    }
}

/// Longest row that is read, in bytes.
const MAX_ROW_BYTES: usize = 64 * 1024 * 1024;

/// A file's rows, inflated as its bytes arrive.
pub struct Inflate {
    gunzip: MultiGzDecoder<Vec<u8>>,
    /// Whether any byte has come: a file of no bytes has no rows.
    begun: bool,
    ended: bool,
    count: u64,
}

impl Default for Inflate {
    fn default() -> Inflate {
        let gunzip = MultiGzDecoder::new(Vec::new());
        Inflate { gunzip, begun: false, ended: false, count: 0 }
    }
}

/// What is inflated and not read yet: whole rows in front, perhaps a piece of one behind them.
pub struct Text {
    bytes: Vec<u8>,
    /// Where the whole rows end.
    whole: usize,
}

impl Text {
    /// The whole rows, without their line breaks; empty lines are none.
    pub fn rows(&self) -> impl Iterator<Item = &[u8]> {
        let text = &self.bytes[..self.whole];
        let breaks = memchr::memchr_iter(b'\n', text);
        let ends =
            breaks.chain(text.last().is_some_and(|last| *last != b'\n').then_some(text.len()));
        let mut start = 0;
        let rows = ends.map(move |end| &text[std::mem::replace(&mut start, end + 1)..end]);
        rows.filter(|row| !row.is_empty())
    }
}

impl Inflate {
    /// Inflates the file's next bytes.
    ///
    /// # Errors
    ///
    /// [`FileError::Broken`] where they are no gzip.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.begun |= !bytes.is_empty();
        let before = self.gunzip.get_ref().len();
        let fed = self.gunzip.write_all(bytes);
        self.count += (self.gunzip.get_ref().len() - before) as u64;
        fed.map_err(|_| FileError::Broken("an export file is no gzip".to_owned()))
    }

    /// Ends the file: what has no line break behind it is a row too.
    ///
    /// # Errors
    ///
    /// [`FileError::Broken`] where the gzip has no end.
    pub fn finish(&mut self) -> Result<(), FileError> {
        self.ended = true;
        if self.begun {
            let before = self.gunzip.get_ref().len();
            let end = self.gunzip.try_finish();
            self.count += (self.gunzip.get_ref().len() - before) as u64;
            end.map_err(|_| FileError::Broken("an export file is cut short".to_owned()))?;
        }
        Ok(())
    }

    /// Takes what is inflated out; [`Inflate::give_back`] takes it in again.
    pub fn take(&mut self) -> Text {
        let bytes = std::mem::take(self.gunzip.get_mut());
        let whole = match self.ended {
            true => bytes.len(),
            false => memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1),
        };
        Text { bytes, whole }
    }

    /// Takes a text back whose rows have been read.
    ///
    /// # Errors
    ///
    /// [`FileError::Broken`] where a row has no end within 64 MB.
    pub fn give_back(&mut self, mut text: Text) -> Result<(), FileError> {
        text.bytes.drain(..text.whole);
        *self.gunzip.get_mut() = text.bytes;
        match self.gunzip.get_ref().len() > MAX_ROW_BYTES {
            true => Err(FileError::Broken("a row of an export file has over 64 MB".to_owned())),
            false => Ok(()),
        }
    }

    /// Bytes inflated since the last call.
    pub fn count(&mut self) -> u64 {
        std::mem::take(&mut self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Room;

    fn listing(body: String, overridden: bool) -> Result<Listing, String> {
        let answer =
            Answer { status: 200, partial: false, body: body.into(), room: Room::default() };
        Listing::read(&answer, overridden)
    }

    fn export(link: &str) -> String {
        format!(r#"{{"exportFiles":["{link}"],"generatedTime":"2026-11-22T05:00:00Z"}}"#)
    }

    #[test]
    fn a_files_path_stays_when_its_link_is_renewed() {
        let link = "https://x.blob.core.windows.net/c/2026-11-22/part-0.json.gz?sig=";

        let one = listing(export(&format!("{link}one")), false).unwrap();
        let two = listing(export(&format!("{link}two")), false).unwrap();

        assert!(one.files.keys().eq(two.files.keys()) && one.files != two.files);
        assert!(one.ids().eq(two.ids()));
        let (id, path) = one.ids().next().unwrap();
        assert_eq!((id.len(), path), (12, "/c/2026-11-22/part-0.json.gz"));
        assert!(!format!("{one:?}").contains("sig="));
    }

    #[test]
    fn a_link_to_a_foreign_host_is_refused_and_not_repeated() {
        for link in [
            "https://evil.example/c/part-0.json.gz?sig=secret",
            "https://x.blob.core.windows.net.evil.example/c?sig=secret",
            "http://x.blob.core.windows.net/c?sig=secret",
            "http://127.0.0.1:9000/c?sig=secret",
        ] {
            let error = listing(export(link), false).unwrap_err();
            assert!(error.contains("foreign host") && !error.contains("secret"), "{error}");
        }
        assert!(listing(export("http://127.0.0.1:9000/c?sig=x"), true).is_ok());
        assert!(listing("{}".to_owned(), false).is_err());
    }

    #[test]
    fn a_files_rows_are_whole_wherever_its_bytes_are_cut() {
        let text = b"{\"a\":1}\r\n\n{\"b\":2}\n{\"c\":3}";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        let gzip = gzip.finish().unwrap();

        for size in 1..gzip.len() {
            let (mut inflate, mut rows) = (Inflate::default(), Vec::new());
            for (index, slice) in gzip.chunks(size).enumerate() {
                inflate.feed(slice).unwrap();
                if (index + 1) * size >= gzip.len() {
                    inflate.finish().unwrap();
                }
                let text = inflate.take();
                rows.extend(text.rows().map(|row| String::from_utf8(row.to_vec()).unwrap()));
                inflate.give_back(text).unwrap();
            }
            assert_eq!(rows, ["{\"a\":1}\r", "{\"b\":2}", "{\"c\":3}"], "in pieces of {size}");
            assert_eq!(inflate.count(), text.len() as u64);
        }
    }

    #[test]
    fn a_file_that_is_cut_short_has_no_end() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"{}\n").unwrap();
        let gzip = gzip.finish().unwrap();
        let mut inflate = Inflate::default();

        inflate.feed(&gzip[..gzip.len() - 5]).unwrap();

        assert_eq!(
            inflate.finish(),
            Err(FileError::Broken("an export file is cut short".to_owned()))
        );
        assert!(Inflate::default().finish().is_ok(), "no bytes, no rows");
        assert!(Inflate::default().feed(&[b'['; 64]).is_err());
    }
}
