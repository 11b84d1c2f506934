//! One pass over an export file: from its first byte to its last, keeping what isn't kept yet.

use super::super::Stop;
use super::super::attempt::{Work, packer};
use super::press::{Press, Pressed};
use crate::digest::Digest;
use crate::fetch::{FileError, file_body};
use crate::ledger::{self, path};
use crate::plan::RunId;
use crate::tenant::Tenant;
use bytes::Bytes;
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::mpsc::{self, Sender};

/// Chunks as the network brings them that wait for the press.
const CHUNKS_WAITING: usize = 4;

/// The content of [`path::digest_of`].
#[derive(Serialize, Deserialize)]
struct Folded {
    run: RunId,
    parts: u64,
    digest: Digest,
}

/// How a pass over the file ended.
pub(super) enum Pass {
    End(Digest),
    Broken(FileError),
}

impl Work<'_> {
    /// The fold of what is kept of the file; parts past the checkpoint are delivered on the way.
    pub(super) async fn resume(&mut self) -> Result<Digest, Stop> {
        let there = self.app.ledger.read(&path::digest_of(self.job)).await?;
        let folded: Option<Folded> =
            there.and_then(|(bytes, _)| serde_json::from_slice(&bytes).ok());
        let parts = self.current.tally.parts;
        let usable = |folded: &Folded| folded.run == self.current.run && folded.parts <= parts;
        let (mut digest, mut number) = match folded.filter(usable) {
            Some(Folded { parts, digest, .. }) => (digest, parts + 1),
            None => (Digest::new(self.source.digest), 1),
        };
        while let Some(packed) = self.kept_part(number).await? {
            packed.fold_into(&mut digest);
            if number > self.current.tally.parts {
                self.deliver(packed).await?;
            }
            number += 1;
        }
        match number > self.current.tally.parts {
            true => Ok(digest),
            false => Err(Stop::Failed(format!(
                "part {number} of an export file isn't in the ledger any more: remove \
                 state/{}/{}/ to read it anew",
                self.tenant.id, self.source.name
            ))),
        }
    }

    /// Reads the file from its beginning, and keeps what isn't kept yet.
    pub(super) async fn pass(
        &mut self,
        digest: Digest,
        path: String,
        link: &str,
    ) -> Result<Pass, Stop> {
        let press = Press {
            packer: packer(self.app, self.tenant, self.source, &self.current),
            digest,
            path,
            kept_rows: self.current.cursor.skip,
            parts: self.current.tally.parts,
        };
        let (chunks, to_press) = mpsc::channel(CHUNKS_WAITING);
        let (from_press, parts) = mpsc::channel::<Pressed>(1);
        let pressing = tokio::task::spawn_blocking(move || press.run(to_press, from_press));
        self.meter.requests.fetch_add(1, Relaxed);
        let feeding = feed(self.tenant, link, chunks);
        let delivering = async {
            // Moved in: whoever packs learns that nobody takes parts any more.
            let mut parts = parts;
            while let Some(Pressed { packed, digest }) = parts.recv().await {
                self.is_in_time()?;
                self.keep(packed).await?;
                if let Some(digest) = digest {
                    self.keep_digest(digest).await?;
                }
            }
            Ok::<(), Stop>(())
        };
        let (fed, delivered) = tokio::join!(feeding, delivering);
        delivered?;
        let pressed = match pressing.await {
            Ok(pressed) => pressed,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => return Err(Stop::Failed("an export file's work was cut short".into())),
            },
        };
        Ok(match (fed, pressed) {
            (Err(error), _) | (Ok(()), Err(error)) => Pass::Broken(error),
            (Ok(()), Ok(digest)) => Pass::End(digest),
        })
    }

    async fn keep_digest(&self, digest: Digest) -> Result<(), Stop> {
        let (run, parts) = (self.current.run.clone(), self.current.tally.parts);
        let folded = Folded { run, parts, digest };
        let json = serde_json::to_vec(&folded).map_err(|error| Stop::Failed(error.to_string()))?;
        Ok(ledger::put(&*self.app.ledger, &path::digest_of(self.job), Bytes::from(json)).await?)
    }
}

/// Brings a file's bytes to the press until one of the two ends.
async fn feed(tenant: &Tenant, link: &str, chunks: Sender<Option<Bytes>>) -> Result<(), FileError> {
    let mut body = file_body(tenant.files(), link).await?;
    loop {
        let chunk = tokio::select! {
            chunk = body.try_next() => chunk,
            // Says why itself.
            () = chunks.closed() => return Ok(()),
        };
        let broken = |_| FileError::Broken("an export file broke off in the middle".to_owned());
        let chunk = chunk.map_err(broken)?;
        let ends = chunk.is_none();
        if chunks.send(chunk).await.is_err() || ends {
            return Ok(());
        }
    }
}
