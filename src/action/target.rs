//! On what an order is carried out: found for certain, and fit for it.

use super::{
    Attempt, Criticality, Device, Named, Order, Refusal, critical, fit, microsoft, trouble,
};
use crate::app::App;
use crate::settings::Action;
use crate::tenant::Tenant;

/// Devices that a refusal names where several fit.
const MOST_NAMED: usize = 5;
/// Longest id of a control.
const LONGEST_CONTROL: usize = 200;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// A device, by Defender's id.
    Device(String),
    /// A secure score control.
    Control(String),
}

/// Finds an order's target and looks whether it is fit; the attempt learns what it is.
///
/// # Errors
///
/// Why not.
pub(super) async fn find(
    app: &App,
    tenant: &Tenant,
    order: &Order,
    attempt: &mut Attempt,
) -> Result<Aim, Refusal> {
    if order.action == Action::ControlProfile {
        return control(app, tenant, order, attempt).await;
    }
    let device = device(app, tenant, &order.target).await?;
    (attempt.target.id, attempt.target.name) = (Some(device.id.clone()), device.name.clone());
    let deny = &tenant.actions.deny;
    let criticality = match deny.asks_criticality() {
        true => critical::of(app, tenant, &device).await?,
        false => Criticality::Unknown("no rule asks for it".to_owned()),
    };
    fit(order.action, &device, &criticality, deny)?;
    let platform = device.platform.as_deref().unwrap_or_default();
    if order.variant == Some("Selective") && !platform.to_ascii_lowercase().starts_with("windows") {
        let detail =
            format!("selective isolation isn't possible on {platform:?}: isolate it fully");
        return Err(Refusal::new("unsupported", 409, detail));
    }
    Ok(Aim::Device(device.id))
}

/// The one device that a text means.
async fn device(app: &App, tenant: &Tenant, text: &str) -> Result<Device, Refusal> {
    let named = Named::read(text).ok_or_else(|| {
        let detail = "the path names no device: expected Defender's id of 40 hex digits, its id in Entra \
                      ID or its name";
        Refusal::new("badRequest", 400, detail)
    })?;
    let found = microsoft::devices(tenant, &named, &app.limits.patience).await;
    let mut found = found.map_err(|error| trouble::unseen(&error))?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => {
            let detail =
                "Defender for Endpoint knows no such device in this tenant: check its name";
            Err(Refusal::new("notFound", 404, detail))
        }
        count => {
            let names = found.iter().take(MOST_NAMED).map(|device| {
                let name = device.name.as_deref().unwrap_or("without a name");
                format!("{} ({name})", device.id)
            });
            let names = names.collect::<Vec<_>>().join(", ");
            let detail = format!("{count} devices fit, name one by its id: {names}");
            Err(Refusal::new("ambiguous", 409, detail))
        }
    }
}

async fn control(
    app: &App,
    tenant: &Tenant,
    order: &Order,
    attempt: &mut Attempt,
) -> Result<Aim, Refusal> {
    let id = order.target.as_str();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_id = (1..=LONGEST_CONTROL).contains(&id.len()) && id.chars().all(fits);
    if !is_id || id.starts_with('.') {
        let detail = "the path names no control: GET /api/controls lists their ids";
        return Err(Refusal::new("badRequest", 400, detail));
    }
    if id.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("scid_")) {
        let detail = "a control whose id starts with scid_ is a recommendation of Defender, which Microsoft \
                      Graph doesn't let anybody change: make an exception for it in the Defender portal";
        return Err(Refusal::new("unsupported", 409, detail));
    }
    let profile = microsoft::profile(tenant, id, &app.limits.patience).await;
    let profile = profile.map_err(|error| trouble::unseen(&error))?;
    let own = profile.as_ref().and_then(|profile| profile["id"].as_str());
    let Some((profile, own)) = profile.as_ref().zip(own.filter(|own| own.eq_ignore_ascii_case(id)))
    else {
        let detail = "Microsoft knows no such control in this tenant: GET /api/controls lists them";
        return Err(Refusal::new("notFound", 404, detail));
    };
    attempt.target.id = Some(own.to_owned());
    attempt.target.name = profile["title"].as_str().map(str::to_owned);
    Ok(Aim::Control(own.to_owned()))
}
