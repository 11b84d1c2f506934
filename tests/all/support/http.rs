//! A bare HTTP/1.1 client, so that a test decides over every byte that is sent.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Header lines, names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// Sends bytes as they are on a new connection and reads the answer to its end.
///
/// # Errors
///
/// Where there is no connection, or it ends before the answer's headers do.
pub async fn raw(port: u16, request: &[u8]) -> std::io::Result<Reply> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(request).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    parse(&bytes).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

/// `GET` of a path with its query.
pub async fn get(port: u16, path: &str) -> Reply {
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    raw(port, request.as_bytes()).await.unwrap()
}

/// An envelope as the host posts it: chunked, without a length.
pub fn envelope_request(port: u16, function: &str, body: &str) -> Vec<u8> {
    let mut request = format!(
        "POST /{function} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\
         X-Azure-Functions-HostVersion: 4.1037.0.0\r\n\
         X-Azure-Functions-InvocationId: 83a33220-a921-460a-bec0-b3f043dcf1ff\r\n\
         User-Agent: Azure-Functions-Host/4.1037.0.0\r\n\
         Content-Type: application/json; charset=utf-8\r\n\
         Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    .into_bytes();
    // Two chunks, cut anywhere: the framing means nothing.
    let (first, second) = body.as_bytes().split_at(body.len() / 2);
    for chunk in [first, second] {
        if !chunk.is_empty() {
            request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            request.extend_from_slice(chunk);
            request.extend_from_slice(b"\r\n");
        }
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// Posts an envelope.
pub async fn envelope(port: u16, function: &str, body: &str) -> Reply {
    raw(port, &envelope_request(port, function, body)).await.unwrap()
}

fn parse(bytes: &[u8]) -> Option<Reply> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = &bytes[end + 4..];
    let chunked =
        headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = if chunked { unchunk(body) } else { body.to_vec() };
    Some(Reply { status, headers, body: String::from_utf8(body).unwrap() })
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&bytes[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        // Also where the sender's end has cut the chunk short.
        if size == 0 || bytes.len() < end + 4 + size {
            break;
        }
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    body
}
