//! Blob Storage as ledger, by Azure's official crate: Azure with a token, Azurite with its key.

use super::account::{self, Way};
use super::{Kept, Ledger, LedgerError, Version, content_type};
use crate::cloud::Tokens;
use async_trait::async_trait;
use azure_core::error::{Error, ErrorKind};
use azure_core::http::{Etag, StatusCode, Url};
use azure_storage_blob::models::{
    BlobClientDownloadOptions, BlobContainerClientListBlobsOptions, BlockBlobClientUploadOptions,
};
use azure_storage_blob::{BlobContainerClient, BlobContainerClientOptions};
use bytes::Bytes;
use futures::TryStreamExt;
use jiff::Timestamp;
use std::num::NonZero;
use tokio::sync::OnceCell;

/// A container of a storage account.
pub struct AzureLedger {
    container: BlobContainerClient,
    made: OnceCell<()>,
}

impl AzureLedger {
    /// The container at `account`: an https endpoint asked with `tokens`, or Azurite on loopback.
    ///
    /// # Errors
    ///
    /// Where the address or the identity can't make a client.
    pub fn new(
        account: &Url,
        container: &str,
        tokens: &Tokens,
        clock: fn() -> Timestamp,
    ) -> azure_core::Result<AzureLedger> {
        let Way { url, credential, options } = account::way(account, container, tokens, clock)?;
        let options = BlobContainerClientOptions { client_options: options, ..Default::default() };
        let container = BlobContainerClient::new(url, credential, Some(options))?;
        Ok(AzureLedger { container, made: OnceCell::new() })
    }

    async fn upload(
        &self,
        path: &str,
        content: Bytes,
        if_match: Option<&Version>,
    ) -> azure_core::Result<Option<Version>> {
        let blob = self.container.blob_client(path);
        let any = Etag::from("*");
        let options = BlockBlobClientUploadOptions {
            blob_content_type: Some(content_type(path).to_owned()),
            if_match: if_match.map(|version| Etag::from(version.0.clone())),
            if_none_match: if_match.is_none().then_some(any),
            // One block at a time: parallel ones would hold copies outside the budget.
            parallel: NonZero::new(1),
            ..Default::default()
        };
        let sent = blob.upload(content.into(), Some(options)).await?;
        Ok(sent.etag.map(|etag| Version(etag.to_string())))
    }

    /// Uploads; a container that isn't there yet is made once.
    async fn write(
        &self,
        path: &str,
        content: Bytes,
        over: Option<&Version>,
    ) -> Result<Option<Version>, Error> {
        match self.upload(path, content.clone(), over).await {
            Err(error) if is_missing_container(&error) => {
                self.made.get_or_try_init(|| self.make()).await?;
                self.upload(path, content, over).await
            }
            outcome => outcome,
        }
    }

    async fn make(&self) -> azure_core::Result<()> {
        match self.container.create(None).await {
            Err(error) if error.http_status() != Some(StatusCode::Conflict) => Err(error),
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Ledger for AzureLedger {
    async fn keep(&self, path: &str, content: Bytes) -> Result<Kept, LedgerError> {
        match self.write(path, content, None).await {
            Ok(_) => Ok(Kept::New),
            // Both mean "there already", and both occur.
            Err(error) if is_there_already(&error) => Ok(Kept::There),
            Err(error) => Err(explain(path, &error)),
        }
    }

    async fn read(&self, path: &str) -> Result<Option<(Bytes, Version)>, LedgerError> {
        let options = BlobClientDownloadOptions { parallel: NonZero::new(1), ..Default::default() };
        let answer = match self.container.blob_client(path).download(Some(options)).await {
            Err(error) if error.http_status() == Some(StatusCode::NotFound) => return Ok(None),
            answer => answer.map_err(|error| explain(path, &error))?,
        };
        let etag = answer.properties.etag.map(|etag| etag.to_string()).unwrap_or_default();
        let bytes = answer.body.collect().await.map_err(|error| explain(path, &error))?;
        Ok(Some((bytes, Version(etag))))
    }

    async fn replace(
        &self,
        path: &str,
        content: Bytes,
        over: Option<&Version>,
    ) -> Result<Version, LedgerError> {
        match self.write(path, content, over).await {
            Ok(version) => Ok(version.unwrap_or(Version(String::new()))),
            Err(error) if is_there_already(&error) => {
                Err(LedgerError::Conflict { path: path.to_owned() })
            }
            Err(error) => Err(explain(path, &error)),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), LedgerError> {
        match self.container.blob_client(path).delete(None).await {
            Err(error) if error.http_status() != Some(StatusCode::NotFound) => {
                Err(explain(path, &error))
            }
            _ => Ok(()),
        }
    }

    async fn entries(&self, prefix: &str) -> Result<Vec<(String, Timestamp)>, LedgerError> {
        let options = BlobContainerClientListBlobsOptions {
            prefix: Some(prefix.to_owned()),
            ..Default::default()
        };
        let fail = |error: Error| explain(prefix, &error);
        let mut blobs = self.container.list_blobs(Some(options)).map_err(fail)?;
        let mut found = Vec::new();
        loop {
            match blobs.try_next().await {
                Ok(Some(blob)) => {
                    let written = blob.properties.and_then(|blob| blob.last_modified);
                    let written = written.map(|at| Timestamp::from_second(at.unix_timestamp()));
                    let written = written.and_then(Result::ok).unwrap_or(Timestamp::UNIX_EPOCH);
                    found.extend(blob.name.map(|name| (name, written)));
                }
                Ok(None) => return Ok(found),
                Err(error) if error.http_status() == Some(StatusCode::NotFound) => {
                    return Ok(found);
                }
                Err(error) => return Err(fail(error)),
            }
        }
    }
}

fn is_there_already(error: &Error) -> bool {
    matches!(error.http_status(), Some(StatusCode::Conflict | StatusCode::PreconditionFailed))
}

fn is_missing_container(error: &Error) -> bool {
    let ErrorKind::HttpResponse { status, error_code, .. } = error.kind() else { return false };
    *status == StatusCode::NotFound && error_code.as_deref() == Some("ContainerNotFound")
}

fn explain(path: &str, error: &Error) -> LedgerError {
    let path = path.to_owned();
    match error.kind() {
        ErrorKind::HttpResponse { status, .. } if matches!(u16::from(*status), 401 | 403) => {
            let advice = "grant Storage Blob Data Contributor on the account to the function app's \
                          identity, and let the network rule admit the app";
            LedgerError::Denied { status: u16::from(*status), path, advice }
        }
        ErrorKind::HttpResponse { status, error_code, .. } => {
            let code = error_code.as_deref().unwrap_or_default();
            LedgerError::Failed { path, what: format!("answered {} {code}", u16::from(*status)) }
        }
        ErrorKind::Credential => {
            let what = "no token for storage: check the identity (AZURE_CLIENT_ID, or az login)";
            LedgerError::Failed { path, what: what.to_owned() }
        }
        _ => {
            let what = "can't be reached: check POSTURE_STORAGE and the network";
            LedgerError::Failed { path, what: what.to_owned() }
        }
    }
}
