//! What anyone may read: requests without a token, which may be led elsewhere.

use super::{FetchError, Reader, explain};
use crate::cloud::{self, Answer, CallError, Meter, Patience};
use azure_core::http::{Method, Request, Url};
use bytes::Bytes;

/// The same JSON without line ends, which stand between tokens only: a kept record is one line.
pub(super) fn in_one_line(body: Bytes) -> Bytes {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    if !body.iter().any(is_end) {
        return body;
    }
    body.iter().map(|byte| if is_end(byte) { b' ' } else { *byte }).collect::<Vec<_>>().into()
}

/// How often one request may be led elsewhere.
const MAX_MOVES: usize = 5;

impl Reader<'_> {
    /// Asks for `url` and follows where it leads, within the service's own hosts; the address that
    /// answered comes along.
    pub(super) async fn visit<T>(
        &self,
        mut url: Url,
        patience: &Patience,
        meter: &Meter,
        mut read: impl FnMut(Answer) -> Result<T, String>,
    ) -> Result<(T, Url), CallError> {
        let pipeline = self.tenant.pipeline(self.source.api);
        url.set_fragment(None);
        for _ in 0..MAX_MOVES {
            let request = Request::new(url.clone(), Method::Get);
            match pipeline.send(&request, patience, meter, &mut read).await {
                Ok(value) => return Ok((value, url)),
                Err(CallError::Moved { path, to }) => url = self.moved(&url, &to, path)?,
                Err(error) => return Err(error),
            }
        }
        let path = url.path().to_owned();
        let what = "led elsewhere over and over".to_owned();
        Err(CallError::Unavailable { what, path, tries: MAX_MOVES as u32 })
    }

    fn moved(&self, from: &Url, to: &str, path: String) -> Result<Url, CallError> {
        let (api, cloud) = (self.source.api, self.tenant.cloud);
        let route = self.tenant.pipeline(api).wire().route(cloud.origin(api));
        let target = from.join(to).ok();
        let canonical = target.map(|url| cloud::canonical(url.as_str(), api, cloud, route));
        let url = match canonical {
            Some(Ok(link)) => Url::parse(&link).ok(),
            _ => None,
        };
        let what = "led to a foreign host".to_owned();
        url.ok_or(CallError::Unavailable { what, path, tries: 1 })
    }

    /// Whose turn it is that one of these services gave nothing.
    pub(super) fn explain_visit(&self, error: CallError) -> FetchError {
        match error {
            CallError::Rejected { status: 404, code: Some(why), path } => FetchError::Refused {
                what: format!("answered 404 at {path} ({why})"),
                advice:
                    "the service doesn't take this request: check POSTURE_NVD_KEY, or look for a \
                         newer release"
                        .to_owned(),
            },
            CallError::Rejected { status, path, .. } => {
                FetchError::Broken { what: format!("answered {status} at {path}") }
            }
            error => explain(error, self.source.needs),
        }
    }
}
