//! Export files: gzip JSON lines behind signed links, read as a stream.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/get-assessment-methods-properties>

use crate::cloud::{Answer, Cloud, Meter, Wire};
use azure_core::http::{HttpClient, Method, Request, Url, response::AsyncResponseBody};
use flate2::write::MultiGzDecoder;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::Ordering;

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

    /// The file after `path` in the order of paths; the first one where there is none.
    pub fn after(&self, path: Option<&str>) -> Option<String> {
        let next = match path {
            None => self.files.keys().next(),
            Some(path) => self.files.keys().find(|other| other.as_str() > path),
        };
        next.cloned()
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

/// A file's rows, as they arrive.
pub struct Rows {
    body: AsyncResponseBody,
    gunzip: MultiGzDecoder<Vec<u8>>,
    begun: bool,
    ended: bool,
}

impl Rows {
    /// Asks for a file. No token goes with it: the link is signed.
    ///
    /// # Errors
    ///
    /// [`FileError`].
    pub async fn open(wire: &Wire, link: &str, meter: &Meter) -> Result<Rows, FileError> {
        let broken = |what: &str| FileError::Broken(what.to_owned());
        let url = Url::parse(link).map_err(|_| broken("an export file's link is no URL"))?;
        meter.requests.fetch_add(1, Ordering::Relaxed);
        let answer = wire.execute_request(&Request::new(url, Method::Get)).await;
        let answer = answer.map_err(|_| broken("no connection to an export file"))?;
        let status = u16::from(answer.status());
        meter.throttled.fetch_add(u64::from(status == 429), Ordering::Relaxed);
        match status {
            200 => {
                let gunzip = MultiGzDecoder::new(Vec::new());
                Ok(Rows { body: answer.into_body(), gunzip, begun: false, ended: false })
            }
            403 | 404 | 410 => Err(FileError::Expired),
            status => Err(FileError::Broken(format!("an export file answered {status}"))),
        }
    }

    /// The next whole rows, with their line breaks; nothing at the file's end.
    ///
    /// # Errors
    ///
    /// [`FileError::Broken`]; what came before is good.
    pub async fn next(&mut self, meter: &Meter) -> Result<Option<Vec<u8>>, FileError> {
        let broken = |what: &str| FileError::Broken(what.to_owned());
        while !self.ended {
            let chunk = self.body.try_next().await;
            match chunk.map_err(|_| broken("an export file broke off in the middle"))? {
                Some(chunk) => {
                    self.begun = true;
                    self.gunzip
                        .write_all(&chunk)
                        .map_err(|_| broken("an export file is no gzip"))?;
                }
                None => {
                    self.ended = true;
                    // A file of no bytes has no rows.
                    if self.begun {
                        let end = self.gunzip.try_finish();
                        end.map_err(|_| broken("an export file is cut short"))?;
                    }
                }
            }
            let text = self.gunzip.get_mut();
            let whole = match self.ended {
                true => text.len(),
                false => memchr::memrchr(b'\n', text).map_or(0, |at| at + 1),
            };
            if whole > 0 {
                let rest = text.split_off(whole);
                let rows = std::mem::replace(text, rest);
                meter.received.fetch_add(rows.len() as u64, Ordering::Relaxed);
                return Ok(Some(rows));
            }
        }
        Ok(None)
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
        let path = one.after(None).unwrap();
        assert_eq!(path, "/c/2026-11-22/part-0.json.gz");
        assert_eq!(one.after(Some(&path)), None);
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
}
