//! What an identity signs in with: given by a setting, or where it is kept.

use super::SignIn;
use crate::cloud::Reference;
use crate::cloud::trouble::Trouble;
use azure_core::credentials::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A secret, a certificate, a password or a refresh token; what is given prints as `Secret`.
#[derive(Clone, Debug)]
pub enum Material {
    /// In the setting itself.
    Given(Secret),
    /// In Key Vault, read with the app's own identity.
    Vault(Reference),
    /// In a file, such as the certificates that App Service lays down.
    File(PathBuf),
}

/// Material as it was read.
#[derive(Clone, Debug)]
pub(in crate::cloud) struct Held {
    pub value: Secret,
    /// When this version of it was kept.
    pub since: Option<Timestamp>,
    /// When it ends, by whoever keeps it.
    pub ends: Option<Timestamp>,
}

impl<T: Into<String>> From<T> for Material {
    fn from(text: T) -> Material {
        Material::Given(Secret::new(clean(&text.into()).to_owned()))
    }
}

/// The text without what copying and pasting leaves around it: blanks, line ends, byte order marks.
pub(in crate::cloud) fn clean(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}' | '\0'))
}

impl Material {
    /// Reads it; a vault's is at most an hour old.
    pub(super) async fn read(&self, sign_in: &SignIn) -> Result<Held, Trouble> {
        match self {
            Material::Given(value) => Ok(Held { value: value.clone(), since: None, ends: None }),
            Material::Vault(reference) => sign_in.vault()?.secret(reference).await,
            Material::File(path) => read_file(path),
        }
    }

    /// Reads it anew from its vault, and whether that gave another value; files are never kept in
    /// memory.
    pub(super) async fn reread(&self, sign_in: &SignIn) -> Result<bool, Trouble> {
        match self {
            Material::Vault(reference) => sign_in.vault()?.reread(reference).await,
            Material::Given(_) | Material::File(_) => Ok(false),
        }
    }

    /// Keeps a new value where the old one is kept; where a setting gave that, nowhere.
    pub(super) async fn write(&self, sign_in: &SignIn, value: &Secret) -> Result<(), Trouble> {
        match self {
            Material::Given(_) => Ok(()),
            Material::Vault(reference) => sign_in.vault()?.write(reference, value).await,
            Material::File(path) => write_file(path, value.secret()).map_err(|error| {
                let what = format!("{} can't be written ({})", path.display(), error.kind());
                Trouble::refused(what, "name a file in a folder that this program may write to")
            }),
        }
    }
}

fn read_file(path: &Path) -> Result<Held, Trouble> {
    let read = || -> std::io::Result<(Vec<u8>, Option<Timestamp>)> {
        let since = std::fs::metadata(path)?.modified()?;
        Ok((std::fs::read(path)?, Timestamp::try_from(since).ok()))
    };
    let (bytes, since) = read().map_err(|error| {
        let what = format!("{} can't be read ({})", path.display(), error.kind());
        Trouble::refused(what, "check the file's name and who may read it")
    })?;
    // PKCS#12 is no text.
    let text = String::from_utf8(bytes).unwrap_or_else(|error| STANDARD.encode(error.as_bytes()));
    Ok(Held { value: Secret::new(clean(&text).to_owned()), since, ends: None })
}

/// Writes a file that only its owner may read, whole or not at all.
fn write_file(path: &Path, text: &str) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    // A left-over of an attempt that was cut short may have another mode.
    std::fs::remove_file(&new).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pasting_leaves_around_a_secret_is_taken_off() {
        for text in ["\u{feff}s3cret\r\n", "  s3cret\t", "s3cret\u{200b}\n\n", "s3cret"] {
            assert_eq!(clean(text), "s3cret");
        }
        assert_eq!(clean("two words\n"), "two words");
    }

    #[test]
    fn material_never_prints_what_is_given() {
        let text = format!("{:?}", Material::from("s3cret"));

        assert!(!text.contains("s3cret"), "{text}");
    }
}
