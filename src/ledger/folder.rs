//! A local folder as ledger: for the demo, a developer's machine and tests.

use super::{Kept, Ledger, LedgerError, Version};
use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder that holds the storage layout directly.
///
/// A thing is written to a temporary file beside it, then linked (create only) or renamed (replace,
/// under a lock file), so that a reader sees it whole or not at all. A version is the content's hash.
#[derive(Clone, Debug)]
pub struct FolderLedger {
    root: PathBuf,
}

impl FolderLedger {
    /// The ledger in `root`, which is made when first written to.
    pub fn new(root: PathBuf) -> FolderLedger {
        FolderLedger { root }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        path: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let file = self.root.join(path);
        let done = tokio::task::spawn_blocking(move || work(&file)).await;
        let what = match done {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => describe(&error),
            Err(_) => "the write was cut short".to_owned(),
        };
        Err(LedgerError::Failed { path: path.to_owned(), what })
    }
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::StorageFull => "the disk is full: make room, nothing kept is lost".to_owned(),
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "no permission: let this user write there".to_owned()
        }
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "a file stands where a folder is needed: move it away".to_owned()
        }
        ErrorKind::IsADirectory => {
            "a folder stands where a file is needed: move it away".to_owned()
        }
        _ => format!("{error}: look after the disk, the next attempt goes on from the checkpoint"),
    }
}

#[async_trait]
impl Ledger for FolderLedger {
    async fn keep(&self, path: &str, content: Bytes) -> Result<Kept, LedgerError> {
        self.blocking(path, move |file| {
            let temporary = write_beside(file, &content)?;
            let linked = fs::hard_link(&temporary, file);
            fs::remove_file(&temporary)?;
            match linked {
                Ok(()) => Ok(Kept::New),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Kept::There),
                Err(error) => Err(error),
            }
        })
        .await
    }

    async fn read(&self, path: &str) -> Result<Option<(Bytes, Version)>, LedgerError> {
        self.blocking(path, |file| {
            Ok(read_there(file)?.map(|bytes| (bytes.clone(), version(&bytes))))
        })
        .await
    }

    async fn replace(
        &self,
        path: &str,
        content: Bytes,
        over: Option<&Version>,
    ) -> Result<Version, LedgerError> {
        let over = over.cloned();
        let written = self.blocking(path, move |file| {
            fs::create_dir_all(parent(file))?;
            let lock = File::create(beside(file, "lock"))?;
            lock.lock()?;
            if read_there(file)?.map(|bytes| version(&bytes)) != over {
                return Ok(None);
            }
            let temporary = write_beside(file, &content)?;
            fs::rename(temporary, file)?;
            Ok(Some(version(&content)))
        });
        written.await?.ok_or_else(|| LedgerError::Conflict { path: path.to_owned() })
    }

    async fn remove(&self, path: &str) -> Result<(), LedgerError> {
        self.blocking(path, |file| match fs::remove_file(file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, LedgerError> {
        let root = self.root.clone();
        let wanted = prefix.to_owned();
        // Only the deepest folder that the prefix names for sure is walked.
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
        self.blocking(&folder, move |start| {
            let mut found = Vec::new();
            walk(&root, start, &mut found)?;
            found.retain(|(path, _)| path.starts_with(&wanted));
            found.sort_unstable();
            Ok(found)
        })
        .await
    }
}

fn version(content: &[u8]) -> Version {
    let hash = ring::digest::digest(&ring::digest::SHA256, content);
    Version(hash.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read_there(file: &Path) -> io::Result<Option<Bytes>> {
    match fs::read(file) {
        Ok(bytes) => Ok(Some(bytes.into())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes `content` to a hidden file of its own in the same folder, flushed to the disk.
fn write_beside(file: &Path, content: &[u8]) -> io::Result<PathBuf> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let temporary = beside(file, &format!("{}-{number}.tmp", std::process::id()));
    fs::create_dir_all(parent(file))?;
    let written = File::create(&temporary).and_then(|mut out| {
        out.write_all(content)?;
        out.sync_all()
    });
    if let Err(error) = written {
        fs::remove_file(&temporary).ok();
        return Err(error);
    }
    Ok(temporary)
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    parent(file).join(format!(".{name}.{ending}"))
}

fn parent(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("."))
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, Timestamp)>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            walk(root, &path, found)?;
        } else if !entry.file_name().to_string_lossy().starts_with('.') {
            let below = path.strip_prefix(root).unwrap_or(&path);
            let names: Vec<_> = below.iter().map(|name| name.to_string_lossy()).collect();
            // What another process has just replaced is read by its new name's next look.
            let Ok(written) = entry.metadata().and_then(|file| file.modified()) else { continue };
            let written = Timestamp::try_from(written).unwrap_or(Timestamp::UNIX_EPOCH);
            found.push((names.join("/"), written));
        }
    }
    Ok(())
}
