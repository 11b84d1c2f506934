//! What is read of the rest of the project: its written tables, functions and permissions, and its release.

use crate::root;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fs;

/// A table of the workspace; its columns are the service's business.
#[derive(Debug, Deserialize)]
pub struct Table {
    /// Such as `PostureDevices_CL`.
    pub name: String,
}

/// A saved function of the workspace.
#[derive(Debug, Deserialize)]
pub struct Function {
    /// Name and alias.
    pub name: String,
    /// Parameters as KQL declares them; empty without.
    pub parameters: String,
    /// Its text; the first line says what it gives.
    pub query: String,
}

/// Where the project is published.
#[derive(Debug, Deserialize)]
pub struct Release {
    /// Address of the repository.
    pub repository: String,
    /// Where its files are served as they are.
    pub raw: String,
    /// Tag of the release.
    pub tag: String,
}

/// Our own tables, in the order of the catalogue.
///
/// # Errors
///
/// The file that can't be read.
pub fn tables() -> Result<Vec<Table>, String> {
    #[derive(Deserialize)]
    struct Written {
        tables: Vec<Table>,
    }
    written::<Written>("infra/generated/tables.json").map(|written| written.tables)
}

/// Every saved function.
///
/// # Errors
///
/// The file that can't be read.
pub fn functions() -> Result<Vec<Function>, String> {
    written("infra/generated/functions.json")
}

/// The application permissions that collecting takes, each once.
///
/// # Errors
///
/// The file that can't be read.
pub fn permissions() -> Result<Vec<String>, String> {
    #[derive(Deserialize)]
    struct Written {
        collect: Collect,
    }
    #[derive(Deserialize)]
    struct Collect {
        apis: Vec<Granting>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Granting {
        app_roles: Vec<Role>,
    }
    #[derive(Deserialize)]
    struct Role {
        name: String,
    }
    let read: Written = written("infra/generated/permissions.json")?;
    let roles = read.collect.apis.into_iter().flat_map(|api| api.app_roles);
    Ok(roles.map(|role| role.name).collect())
}

/// The release that buttons and links lead to.
///
/// # Errors
///
/// The file that can't be read.
pub fn release() -> Result<Release, String> {
    written("infra/release.json")
}

fn written<T: DeserializeOwned>(path: &str) -> Result<T, String> {
    let text = fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
}
