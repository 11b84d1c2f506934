//! The real binary as a child process, as the Functions host starts it.

use super::http::{self, Reply};
use simulator::Simulator;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A running service and what it has logged.
pub struct Service {
    pub port: u16,
    child: Child,
    log: Arc<Mutex<String>>,
}

/// The environment of a service that collects the simulator's first tenant by managed identity.
pub fn environment(microsoft: &Simulator, storage: &str) -> Vec<(String, String)> {
    let tenant = super::tenant(0);
    [
        ("POSTURE_STORAGE", storage.to_owned()),
        ("POSTURE_TENANT_ID", tenant.id),
        ("POSTURE_TENANT_NAME", tenant.name),
        ("POSTURE_ENTRA_URL", microsoft.entra_url()),
        ("POSTURE_GRAPH_URL", microsoft.graph_url()),
        ("POSTURE_DEFENDER_URL", microsoft.defender_url()),
        ("POSTURE_ARM_URL", microsoft.arm_url()),
        ("POSTURE_LOGS_URL", microsoft.logs_url()),
        ("POSTURE_CVE", "off".to_owned()),
        ("POSTURE_LOGS_RULES", microsoft.rules().join(",")),
        ("POSTURE_CLAIM_SECONDS", "2".to_owned()),
        ("IDENTITY_ENDPOINT", microsoft.identity_endpoint()),
        ("IDENTITY_HEADER", microsoft.identity_header()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// A port that is free, below those that the system gives to whoever asks for any.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 100) as u16 * 100;
    loop {
        let port = 20_000 + (first + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The binary with this environment and no other.
pub fn command(environment: &[(String, String)]) -> Command {
    command_of(&binary(), environment)
}

/// The binary that the tests were built with, or the one that is asked for: that of a package.
#[expect(clippy::disallowed_methods, reason = "the packaged binary is asked for by its command")]
fn binary() -> PathBuf {
    std::env::var_os("POSTURE_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_posture").into(), PathBuf::from)
}

/// Another build of it, in the same way.
fn command_of(binary: &Path, environment: &[(String, String)]) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Service {
    /// Starts the binary on a free port and waits until it answers.
    pub async fn start(environment: &[(String, String)]) -> Service {
        Service::start_on(free_port(), environment).await
    }

    /// Starts the binary on that port and waits until it answers, asking as the host does.
    pub async fn start_on(port: u16, environment: &[(String, String)]) -> Service {
        Service::spawn(port, command(environment)).await
    }

    /// Starts what the host.json of an app's root names, with the variables that the host gives.
    pub async fn start_in(root: &Path, environment: &[(String, String)]) -> Service {
        let host = std::fs::read_to_string(root.join("host.json")).unwrap();
        let host: serde_json::Value = serde_json::from_str(&host).unwrap();
        let executable = host["customHandler"]["description"]["defaultExecutablePath"].as_str();
        let (port, root) = (free_port(), root.canonicalize().unwrap());
        let mut command = command_of(&root.join(executable.unwrap()), environment);
        let worker = "35e6e68c-5583-436c-a277-5aec2b416ba8";
        command.current_dir(&root).env("FUNCTIONS_APP_ROOT_PATH", &root);
        command.env("FUNCTIONS_WORKER_RUNTIME", "custom");
        command.env("FUNCTIONS_HTTPWORKER_PORT", port.to_string());
        command.env("FUNCTIONS_CUSTOMHANDLER_WORKER_ID", worker);
        command.env("FUNCTIONS_HTTPWORKER_ID", worker);
        Service::spawn(port, command).await
    }

    async fn spawn(port: u16, mut command: Command) -> Service {
        command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string());
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let log = log.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let mut log = log.lock().unwrap();
                    log.push_str(&line);
                    log.push('\n');
                }
            });
        }
        let mut service = Service { port, child, log };
        service.until_ready().await;
        service
    }

    async fn until_ready(&mut self) {
        let started = Instant::now();
        let ping =
            format!("GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n\r\n", self.port);
        while http::raw(self.port, ping.as_bytes()).await.is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the service ended ({status}): {}", self.log());
            }
            assert!(started.elapsed() < Duration::from_secs(30), "not ready: {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// All that it has printed so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until that is in the log: lines reach the test a moment after they are written.
    pub async fn until_logged(&self, text: &str) {
        let started = Instant::now();
        while !self.log().contains(text) {
            assert!(started.elapsed() < Duration::from_secs(20), "no {text:?} in {}", self.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        http::get(self.port, path).await
    }

    /// Posts an envelope to a function.
    pub async fn post(&self, function: &str, body: &str) -> Reply {
        http::envelope(self.port, function, body).await
    }

    /// Posts a job's message as the queue trigger does, in base64.
    pub async fn run(&self, message: &serde_json::Value) -> Reply {
        self.post("function_queue", &queue_envelope(message)).await
    }

    /// SIGKILL: no warning, no clean-up.
    pub fn kill(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The envelope of a queue message with `dataType: binary`.
pub fn queue_envelope(message: &serde_json::Value) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let payload = BASE64_STANDARD.encode(message.to_string());
    serde_json::json!({
        "Data": { "job": payload },
        "Metadata": { "DequeueCount": "1", "Id": "\"a1\"" },
    })
    .to_string()
}

impl Drop for Service {
    fn drop(&mut self) {
        self.kill();
    }
}
