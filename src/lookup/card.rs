//! The device card: what is known of one device, from look-ups or from what is kept.

use super::criticality::Criticality;
use super::gap::{Gap, MissingPart, Stop, or_missing};
use super::internet::InternetFacing;
use super::level::{Rating, rating};
use super::machine::{Device, find_among};
use super::named::Named;
use super::parts::{Alerts, Update, User, updates_of};
use super::possible::{Possible, possible};
use super::settings::Settings;
use super::vulnerabilities::Weaknesses;
use super::vulnerability::OfDevice;
use super::{Lookup, Origin};
use crate::risk::Exposure;
use crate::schema;
use crate::source::DEVICES;
use crate::summary;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// Low, as the exposure graph counts levels.
const LEAST_CRITICAL: u8 = 3;

/// A device card. A part that can't be told is null, and named in `missing` with the reason.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Whose device it is.
    pub tenant: summary::Tenant,
    /// When the card was made.
    #[schemars(with = "schema::Timestamp")]
    pub generated: Timestamp,
    /// Where it comes from.
    #[serde(flatten)]
    pub origin: Origin,
    /// The device.
    pub device: Device,
    /// The groups that it belongs to by its system: `<osPlatform>` and `<osPlatform>_<version>`.
    pub profiles: Vec<String>,
    /// One overall level with its reasons: docs/lookups.md has the formula.
    #[serde(flatten)]
    pub rating: Rating,
    /// Its open alerts.
    pub alerts: Option<Alerts>,
    /// Its vulnerabilities.
    pub vulnerabilities: Option<Weaknesses>,
    /// Updates that it lacks, 50 at most.
    pub missing_updates: Option<Vec<Update>>,
    /// Settings of it that fail.
    pub failed_configurations: Option<Settings>,
    /// Who has logged on to it, the newest first, 50 at most.
    pub logged_on_users: Option<Vec<User>>,
    /// How critical the exposure graph holds it.
    pub criticality: Option<Criticality>,
    /// Whether it can be reached from the internet.
    pub internet_facing: Option<InternetFacing>,
    /// The response actions, possible or not.
    pub actions: Vec<Possible>,
    /// Its pages in the portal.
    pub links: Links,
    /// What is null, and why.
    pub missing: Vec<MissingPart>,
}

/// A device's pages in the portal, opened in its tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Links {
    /// The device.
    pub overview: String,
    /// Its alerts.
    pub alerts: String,
    /// Its vulnerabilities.
    pub vulnerabilities: String,
}

/// The parts of a card that are asked for by the device's id.
#[derive(Default)]
struct Parts {
    alerts: Option<Alerts>,
    vulnerabilities: Option<Weaknesses>,
    missing_updates: Option<Vec<Update>>,
    failed_configurations: Option<Settings>,
    logged_on_users: Option<Vec<User>>,
}

/// What kept answers of hunting say of a device.
#[derive(Default)]
struct Hunted {
    criticality: Option<Criticality>,
    internet_facing: Option<InternetFacing>,
}

impl Hunted {
    /// What a vulnerability's risk to the device follows from.
    fn of_device(&self) -> OfDevice {
        let facing = self.internet_facing.and_then(|known| Some((known.facing?, known.collected)));
        let exposure = |(faces, _)| if faces { Exposure::FacesInternet } else { Exposure::Inside };
        OfDevice {
            exposure: facing.map(exposure),
            exposed_on: facing.map(|(_, collected)| collected),
            // A device that the graph was asked for and doesn't hold critical counts as low.
            criticality: self.criticality.as_ref().map(|one| one.level.unwrap_or(LEAST_CRITICAL)),
        }
    }
}

impl Lookup<'_> {
    /// The card of a device, live unless `kept` is asked for or Defender refuses to find it.
    ///
    /// # Errors
    ///
    /// [`Stop`]: no such device, several of them, or nobody can tell.
    pub async fn card(&self, named: &Named, kept: bool) -> Result<Card, Stop> {
        let mut missing = Vec::new();
        let live = match kept {
            true => None,
            false => match self.devices_live(named).await {
                Ok(devices) => Some(find_among(devices)?),
                Err(gap) => {
                    missing.push(MissingPart { part: "live", reason: gap.to_string() });
                    self.falls_back(DEVICES, gap)?;
                    None
                }
            },
        };
        let Some(device) = live else {
            return self.card_kept(named, missing).await;
        };
        let parts = self.parts_live(&device.id, &mut missing);
        let (parts, (hunted, lacking)) = futures::join!(parts, self.hunted(&device));
        missing.extend(lacking);
        Ok(self.made(device, parts, hunted, (None, missing)))
    }

    async fn parts_live(&self, id: &str, missing: &mut Vec<MissingPart>) -> Parts {
        let (alerts, vulnerabilities, updates, settings, users) = futures::join!(
            self.alerts_live(id),
            self.vulnerabilities_live(id),
            self.updates_live(id),
            self.settings_live(id),
            self.users_live(id),
        );
        Parts {
            alerts: or_missing(missing, "alerts", alerts),
            vulnerabilities: or_missing(missing, "vulnerabilities", vulnerabilities),
            missing_updates: or_missing(missing, "missingUpdates", updates),
            failed_configurations: or_missing(missing, "failedConfigurations", settings),
            logged_on_users: or_missing(missing, "loggedOnUsers", users),
        }
    }

    async fn card_kept(&self, named: &Named, mut missing: Vec<MissingPart>) -> Result<Card, Stop> {
        let (devices, mut oldest) = self.devices_kept(named).await?;
        let device = find_among(devices)?;
        let never =
            |what: &str| Gap::NotKept(format!("{what} of a device are looked up, not kept"));
        let mut parts = Parts::default();
        let rows = self.rows_of(&device.id).await;
        match rows {
            Ok((rows, made)) => {
                oldest = oldest.min(made);
                parts.vulnerabilities = Some(self.vulnerabilities_kept(&rows).await);
                parts.missing_updates = Some(updates_of(&rows));
            }
            Err(gap) => {
                or_missing::<()>(&mut missing, "vulnerabilities", Err(gap.clone()));
                or_missing::<()>(&mut missing, "missingUpdates", Err(gap));
            }
        }
        let settings = self.settings_kept(&device.id).await;
        if let Some((settings, made)) = or_missing(&mut missing, "failedConfigurations", settings) {
            oldest = oldest.min(made);
            parts.failed_configurations = Some(settings);
        }
        or_missing::<()>(&mut missing, "alerts", Err(never("alerts")));
        or_missing::<()>(&mut missing, "loggedOnUsers", Err(never("users")));
        let (hunted, lacking) = self.hunted(&device).await;
        missing.extend(lacking);
        Ok(self.made(device, parts, hunted, (Some(oldest), missing)))
    }

    async fn hunted(&self, device: &Device) -> (Hunted, Vec<MissingPart>) {
        let (criticality, facing) =
            futures::join!(self.criticality(device), self.internet_facing(device));
        let mut missing = Vec::new();
        let hunted = Hunted {
            criticality: or_missing(&mut missing, "criticality", criticality),
            internet_facing: or_missing(&mut missing, "internetFacing", facing),
        };
        (hunted, missing)
    }

    fn made(
        &self,
        device: Device,
        mut parts: Parts,
        hunted: Hunted,
        (kept, missing): (Option<Timestamp>, Vec<MissingPart>),
    ) -> Card {
        if let Some(weaknesses) = &mut parts.vulnerabilities {
            weaknesses.rank(summary::Join::of(&self.known), &hunted.of_device());
        }
        let Hunted { criticality, internet_facing } = hunted;
        let rating = rating(
            &device,
            parts.alerts.as_ref(),
            parts.vulnerabilities.as_ref(),
            criticality.as_ref(),
        );
        Card {
            tenant: self.whose(),
            generated: self.now,
            origin: self.origin(kept),
            profiles: device.profiles(),
            rating,
            alerts: parts.alerts,
            vulnerabilities: parts.vulnerabilities,
            missing_updates: parts.missing_updates,
            failed_configurations: parts.failed_configurations,
            logged_on_users: parts.logged_on_users,
            actions: possible(self.tenant, &device, criticality.as_ref(), self.now),
            criticality,
            internet_facing,
            links: self.links(&device.id),
            missing,
            device,
        }
    }

    /// The tenant, as answers name it.
    pub(super) fn whose(&self) -> summary::Tenant {
        let (id, name) = (self.tenant.id.clone(), self.tenant.name.clone());
        summary::Tenant { portal_url: self.portal(""), id, name }
    }

    /// A page of the portal in the tenant.
    pub(super) fn portal(&self, path: &str) -> String {
        let portal = self.tenant.cloud.portal.trim_end_matches('/');
        format!("{portal}/{path}?tid={}", self.tenant.id)
    }

    /// A device's pages.
    pub(super) fn links(&self, id: &str) -> Links {
        // Defender's ids are hex digits; anything else would be somebody's idea of a path.
        let id = super::named::escaped(id);
        let page = |page: &str| self.portal(&format!("machines/v2/{id}/{page}"));
        Links {
            overview: page("overview"),
            alerts: page("alerts"),
            vulnerabilities: page("vulnerabilities"),
        }
    }
}
