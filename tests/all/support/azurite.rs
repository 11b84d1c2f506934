//! Azurite, the official stand-in for Blob Storage.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running Azurite with a folder of its own.
pub struct Azurite {
    child: Child,
    port: u16,
    folder: super::Folder,
}

impl Azurite {
    /// Starts one on a free port and waits until it listens.
    pub async fn start() -> Azurite {
        let (port, folder) = (super::service::free_port(), super::Folder::new());
        let mut azurite = Azurite { child: spawn(port, &folder), port, folder };
        azurite.until_ready().await;
        azurite
    }

    /// Its address as `POSTURE_STORAGE` takes it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/devstoreaccount1", self.port)
    }

    /// Stops it; what it has kept stays.
    pub fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Starts it again at the same address with what it had.
    pub async fn start_again(&mut self) {
        self.child = spawn(self.port, &self.folder);
        self.until_ready().await;
    }

    async fn until_ready(&mut self) {
        let started = Instant::now();
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            assert!(self.child.try_wait().unwrap().is_none(), "Azurite ended at once");
            assert!(started.elapsed() < Duration::from_secs(60), "Azurite doesn't listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(port: u16, folder: &super::Folder) -> Child {
    let script = super::tools::node().join("node_modules/azurite/dist/src/blob/main.js");
    Command::new("node")
        .arg(script)
        .args(["--silent", "--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
        .args(["--disableTelemetry", "--location"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Node.js is needed for Azurite: install it, see README.md")
}
