//! Azurite, the official stand-in for Blob and Queue Storage.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running Azurite with a folder of its own.
pub struct Azurite {
    child: Child,
    service: &'static str,
    port: u16,
    folder: super::Folder,
}

impl Azurite {
    /// Starts blobs on a free port and waits until they listen.
    pub async fn start() -> Azurite {
        Azurite::start_service("blob").await
    }

    /// The same for queues.
    pub async fn start_queues() -> Azurite {
        Azurite::start_service("queue").await
    }

    async fn start_service(service: &'static str) -> Azurite {
        let (port, folder) = (super::service::free_port(), super::Folder::new());
        let mut azurite = Azurite { child: spawn(service, port, &folder), service, port, folder };
        azurite.until_ready().await;
        azurite
    }

    /// Its address as `POSTURE_STORAGE` takes it.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/devstoreaccount1", self.port)
    }

    /// Kills it. What it has answered in its last seconds may be gone, since it writes its index now and
    /// then only.
    pub fn stop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }

    /// Ends it in order: all that it has answered is there when it starts again.
    pub fn end(&mut self) {
        self.signal("TERM");
        self.child.wait().unwrap();
    }

    /// Stops its clock: connections stay open, and nothing is answered.
    pub fn hold(&self) {
        self.signal("STOP");
    }

    /// Lets it go on after [`Azurite::hold`].
    pub fn release(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &process]).status().unwrap();
        assert!(status.success(), "SIG{name}");
    }

    /// Starts it again at the same address with what it had.
    pub async fn start_again(&mut self) {
        self.child = spawn(self.service, self.port, &self.folder);
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

fn spawn(service: &str, port: u16, folder: &super::Folder) -> Child {
    let script = format!("node_modules/azurite/dist/src/{service}/main.js");
    let script = super::tools::node().join(script);
    Command::new("node")
        .arg(script)
        .args(["--silent", &format!("--{service}Host"), "127.0.0.1"])
        .args([&format!("--{service}Port"), &port.to_string()])
        .args(["--disableTelemetry", "--location"])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("Node.js is needed for Azurite: install it, see README.md")
}
