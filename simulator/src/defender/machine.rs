//! Single devices: by id, and by the filters that tell one from the others.

use serde_json::{Value, json};
use warp::http::Method;

use super::catalogue;
use crate::answer::Answer;
use crate::entra::Claims;
use crate::fault::Api;
use crate::scene::Scene;
use crate::state::{Request, State};
use crate::web;

/// A device of the tenant.
pub(crate) fn by_id(scene: &Scene, id: &str) -> Option<Value> {
    all(scene).find(|machine| machine["id"] == id)
}

fn all(scene: &Scene) -> impl Iterator<Item = Value> {
    let number = 0..u64::from(scene.tenant.devices);
    number.filter_map(|number| serde_json::from_slice(&scene.device(number)).ok())
}

/// Answers a request for one device, or for those that a filter tells; nothing for others.
pub(super) fn answer(state: &State, request: &Request, claims: &Claims) -> Option<Answer> {
    let path = request.path.to_ascii_lowercase();
    let rest = path.strip_prefix("/api/machines")?;
    let filter = web::pairs(&request.query).into_iter().find(|(name, _)| name == "$filter");
    let id = rest.strip_prefix('/').filter(|id| !id.contains('/'));
    // Exports stand below the same path.
    let id = id.filter(|_| catalogue::find(&request.path).is_none());
    if request.method != Method::GET || (id.is_none() && (filter.is_none() || !rest.is_empty())) {
        return None;
    }
    let error = |status, code: &str, text: &str| {
        Answer::error(Api::Defender, status, code, text, &state.id())
    };
    let may = claims.roles.iter().any(|role| role == "Machine.Read.All");
    let Some(tenant) = state.tenant(&claims.tid).filter(|_| may) else {
        let text = "Missing application roles. API required roles: Machine.Read.All.";
        return Some(error(403, "Forbidden", text));
    };
    let scene = state.scene(tenant);
    Some(match (id, filter) {
        (Some(id), _) => match by_id(&scene, id) {
            Some(machine) => Answer::json(200, &machine),
            None => error(404, "ResourceNotFound", &format!("Machine {id} was not found")),
        },
        (None, filter) => match filter.and_then(|(_, text)| Told::read(&text)) {
            Some(told) => {
                let found: Vec<_> = all(&scene).filter(|machine| told.fits(machine)).collect();
                let context = "https://api.securitycenter.microsoft.com/api/$metadata#Machines";
                Answer::json(200, &json!({ "@odata.context": context, "value": found }))
            }
            None => error(400, "ODataError", "The simulator doesn't carry out this filter."),
        },
    })
}

/// What a filter tells devices by.
enum Told {
    Name(String),
    Start(String),
    Entra(String),
}

impl Told {
    fn read(filter: &str) -> Option<Told> {
        let quoted = |text: &str| {
            let text = text.strip_prefix('\'')?.strip_suffix('\'')?;
            (!text.contains('\'')).then(|| text.to_ascii_lowercase())
        };
        if let Some(rest) = filter.strip_prefix("startswith(computerDnsName,") {
            return quoted(rest.strip_suffix(')')?).map(Told::Start);
        }
        if let Some(rest) = filter.strip_prefix("computerDnsName eq ") {
            return quoted(rest).map(Told::Name);
        }
        // A GUID has no quotation marks.
        let id = filter.strip_prefix("aadDeviceId eq ")?;
        let fits = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
        fits.then(|| Told::Entra(id.to_ascii_lowercase()))
    }

    fn fits(&self, machine: &Value) -> bool {
        let text = |name: &str| machine[name].as_str().unwrap_or_default().to_ascii_lowercase();
        match self {
            Told::Name(name) => text("computerDnsName") == *name,
            Told::Start(start) => text("computerDnsName").starts_with(start),
            Told::Entra(id) => text("aadDeviceId") == *id,
        }
    }
}
