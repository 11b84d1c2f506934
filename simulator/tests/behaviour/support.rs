//! A simulator of one tenant, and the smallest HTTP client that sees a broken body.

use serde_json::{Value, json};
use simulator::{Options, Simulator, Tenant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub const GRAPH: &str = "https://graph.microsoft.com";
pub const DEFENDER: &str = "https://api.securitycenter.microsoft.com";
/// The simulator's clock at the start.
pub const STARTED: &str = "2026-11-20T14:30:00Z";
pub const ARM: &str = "https://management.azure.com";
pub const LOGS: &str = "https://monitor.azure.com";

/// One HTTP answer as it came in.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// Whether the body came to its proper end.
    pub whole: bool,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request on a connection of its own. Nothing where no answer came.
pub async fn send(method: &str, url: &str, headers: &[String], body: &[u8]) -> Option<Answer> {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_at(rest.find('/').unwrap());
    let mut stream = TcpStream::connect(host).await.unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    headers.iter().for_each(|header| request += &format!("{header}\r\n"));
    request += &format!("content-length: {}\r\n\r\n", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    let mut bytes = Vec::new();
    // A reset in the middle leaves what came before it.
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head[9..12].parse().unwrap();
    let (body, whole) = match head.to_lowercase().contains("transfer-encoding: chunked") {
        true => unchunked(&bytes[end + 4..]),
        false => (bytes[end + 4..].to_vec(), true),
    };
    Some(Answer { status, head, body, whole })
}

fn unchunked(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        rest = &rest[line + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    (body, false)
}

/// A simulator and the tenant it speaks for.
pub struct World {
    pub simulator: Simulator,
    pub tenant: Tenant,
}

impl World {
    pub async fn start(change: impl FnOnce(&mut Options)) -> World {
        let mut options = Options::new(vec![Tenant::new(1, "Fabrikam", 7)], tables());
        options.today = jiff::civil::date(2026, 11, 20);
        options.started = STARTED.parse().unwrap();
        change(&mut options);
        let tenant = options.tenants[0].clone();
        World { simulator: Simulator::start(options).await.unwrap(), tenant }
    }

    pub async fn ask_token(&self, secret: &str, scope: &str) -> Answer {
        let url = format!("{}/{}/oauth2/v2.0/token", self.simulator.entra_url(), self.tenant.id);
        let scope = scope.replace(':', "%3A").replace('/', "%2F");
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={secret}&scope={scope}",
            self.tenant.client_id
        );
        send("POST", &url, &[], form.as_bytes()).await.unwrap()
    }

    pub async fn token(&self, resource: &str) -> String {
        let secret = self.tenant.client_secret.clone();
        let answer = self.ask_token(&secret, &format!("{resource}/.default")).await;
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        format!("authorization: Bearer {token}")
    }

    pub async fn graph(&self, path: &str) -> Answer {
        self.get(&format!("{}/v1.0/security/{path}", self.simulator.graph_url()), GRAPH).await
    }

    pub async fn defender(&self, path: &str) -> Answer {
        self.get(&format!("{}/api/{path}", self.simulator.defender_url()), DEFENDER).await
    }

    pub async fn get(&self, url: &str, resource: &str) -> Answer {
        send("GET", url, &[self.token(resource).await], b"").await.unwrap()
    }

    pub async fn post_json(&self, url: &str, resource: &str, body: &Value) -> Answer {
        let headers = [self.token(resource).await, "content-type: application/json".to_owned()];
        send("POST", url, &headers, body.to_string().as_bytes()).await.unwrap()
    }

    /// Statuses of these URLs with a token whose roles are only `role`.
    pub async fn statuses_with(&self, role: &str, urls: &[String], resource: &str) -> Vec<u16> {
        self.simulator.set_roles(&self.tenant.id, &[role]);
        let mut statuses = Vec::new();
        for url in urls {
            statuses.push(self.get(url, resource).await.status);
        }
        statuses
    }

    /// Every record from `url` on, page by page.
    pub async fn walk(&self, url: String, resource: &str) -> Vec<Value> {
        let (mut records, mut next) = (Vec::new(), Some(url));
        while let Some(url) = next {
            let mut page = self.get(&url, resource).await.json();
            records.append(page["value"].as_array_mut().unwrap());
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        records
    }

    pub async fn post(&self, stream: &str, headers: &[&str], body: &[u8]) -> Option<Answer> {
        let (base, rule) = (self.simulator.logs_url(), &self.simulator.rules()[0]);
        let url =
            format!("{base}/dataCollectionRules/{rule}/streams/{stream}?api-version=2023-01-01");
        let mut all = vec![self.token(LOGS).await, "content-type: application/json".to_owned()];
        all.extend(headers.iter().map(|&header| header.to_owned()));
        send("POST", &url, &all, body).await
    }
}

fn tables() -> Value {
    let column = |name: &str, kind: &str| json!({"name": name, "type": kind});
    json!({"rules": [{"name": "posture-1", "streams": [{
        "stream": "Custom-PostureDevices_CL",
        "columns": [column("TimeGenerated", "datetime"), column("RunId", "guid"),
            column("score", "real"), column("count", "long"), column("seen", "dateTime"),
            column("tags", "dynamic"), column("small", "int")],
        "flows": [{"outputStream": "Custom-PostureDevices_CL", "transformKql": "source"}],
    }]}], "tables": []})
}

/// A folder of recorded pages; taken away when dropped.
pub struct Recorded(pub std::path::PathBuf);

impl Recorded {
    /// One page for each of these sources, whose record has the source's name as id.
    pub fn new(name: &str, sources: &[&str]) -> Recorded {
        let folder = std::env::temp_dir().join(format!("simulator-{name}-{}", std::process::id()));
        for source in sources {
            std::fs::create_dir_all(folder.join(source)).unwrap();
            let page = json!({"value": [{"id": source, "name": source}]});
            std::fs::write(folder.join(source).join("page-1.json"), page.to_string()).unwrap();
        }
        Recorded(folder)
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
