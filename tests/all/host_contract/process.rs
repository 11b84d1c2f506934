//! The binary as a bare child process: its two streams apart, its end watched, signals sent.

use super::{LONG, until, within};
use crate::support::http;
use crate::support::service::{command, free_port};
use std::io::Read;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A child process; killed when it is dropped.
pub struct Process {
    pub port: u16,
    child: Child,
    out: Text,
    err: Text,
}

type Text = Arc<Mutex<String>>;

/// How a process ended and what it had printed.
pub struct End {
    pub status: ExitStatus,
    pub out: String,
    pub err: String,
}

impl Process {
    /// Starts it under the host's variables with this environment, and reads what it prints.
    pub fn spawn(environment: &[(String, String)]) -> Process {
        let mut process = Process::unread(environment);
        process.out = collect(process.child.stdout.take().unwrap());
        process.err = collect(process.child.stderr.take().unwrap());
        process
    }

    fn unread(environment: &[(String, String)]) -> Process {
        let port = free_port();
        let mut command = command(environment);
        if !environment.iter().any(|(name, _)| name == "FUNCTIONS_CUSTOMHANDLER_PORT") {
            command.env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string());
        }
        let (out, err) = (Text::default(), Text::default());
        Process { port, child: command.spawn().unwrap(), out, err }
    }

    /// Starts it, and takes the readers of both its pipes away once it is ready.
    pub async fn without_readers(environment: &[(String, String)]) -> Process {
        let mut process = Process::unread(environment);
        process.until_ready().await;
        drop((process.child.stdout.take(), process.child.stderr.take()));
        process
    }

    /// Waits until the host would find it ready.
    pub async fn until_ready(&self) {
        let ping = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        let ready = async {
            while http::raw(self.port, ping).await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        within(ready).await;
    }

    pub fn out(&self) -> String {
        self.out.lock().unwrap().clone()
    }

    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it has ended by itself and all that it printed is read.
    pub async fn end(mut self) -> End {
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(started.elapsed() < LONG, "still running: {}{}", self.out(), self.err());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        // A reader lets go of its text at the end of its stream.
        until(|| Arc::strong_count(&self.out) + Arc::strong_count(&self.err) == 2).await;
        End { status, out: self.out(), err: self.err() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> Text {
    let text = Text::default();
    let kept = text.clone();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
    });
    text
}
