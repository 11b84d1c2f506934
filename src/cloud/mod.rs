//! Hosts of each cloud, tokens, the one transport and the link check: this module alone opens
//! connections.
//!
//! Above the transport every URL has its API's canonical https origin; the transport maps origins to
//! the bases that settings put in their place.

mod advice;
mod api;
mod budget;
mod link;
mod patience;
mod token;
mod transport;

pub use api::{Answer, CallError, Pipeline};
pub use budget::{Budget, Room};
pub use link::{LinkError, canonical};
pub use patience::{Meter, Patience};
pub use token::{Identity, TokenError, Tokens};
pub use transport::{Route, Wire, is_loopback};

use crate::source::{Api, Source};

/// The hosts of one Microsoft cloud; tokens of one don't work in another.
///
/// <https://learn.microsoft.com/graph/deployments>
#[derive(Debug, PartialEq, Eq)]
pub struct Cloud {
    /// The name in `POSTURE_CLOUD`.
    pub name: &'static str,
    /// Origin of the sign-in service.
    pub sign_in: &'static str,
    /// Origin of Microsoft Graph, which is also its audience.
    pub graph: &'static str,
    /// Origin of Defender for Endpoint; empty where the cloud has none.
    pub defender: &'static str,
    /// Paths of Microsoft Graph, by their beginning, that this cloud doesn't serve.
    pub graph_lacks: &'static [&'static str],
    /// Audience of Defender for Endpoint, which isn't its host in the public cloud.
    pub defender_audience: &'static str,
    /// Host suffixes under which Defender's own links may come back.
    pub defender_family: &'static [&'static str],
    /// Origin of Azure Resource Manager, which is also its audience.
    pub arm: &'static str,
    /// Audience of the Logs Ingestion API.
    pub logs_audience: &'static str,
    /// The portal that people are sent to.
    pub portal: &'static str,
}

const PUBLIC: Cloud = Cloud {
    name: "public",
    sign_in: "https://login.microsoftonline.com",
    graph: "https://graph.microsoft.com",
    graph_lacks: &[],
    defender: "https://api.security.microsoft.com",
    defender_audience: "https://api.securitycenter.microsoft.com",
    defender_family: &["api.security.microsoft.com", "securitycenter.microsoft.com"],
    arm: "https://management.azure.com",
    logs_audience: "https://monitor.azure.com",
    portal: "https://security.microsoft.com",
};

/// Every cloud that can be named in a setting.
pub const CLOUDS: &[Cloud] = &[
    PUBLIC,
    Cloud {
        name: "gcc",
        defender: "https://api-gcc.securitycenter.microsoft.us",
        defender_audience: "https://api-gcc.securitycenter.microsoft.us",
        defender_family: &["securitycenter.microsoft.us"],
        ..PUBLIC
    },
    Cloud {
        name: "gcc-high",
        sign_in: "https://login.microsoftonline.us",
        graph: "https://graph.microsoft.us",
        graph_lacks: &["/beta/security/dataDiscovery/"],
        defender: "https://api-gov.securitycenter.microsoft.us",
        defender_audience: "https://api-gov.securitycenter.microsoft.us",
        defender_family: &["securitycenter.microsoft.us"],
        arm: "https://management.usgovcloudapi.net",
        logs_audience: "https://monitor.azure.us",
        portal: "https://security.microsoft.us",
    },
    Cloud {
        name: "dod",
        sign_in: "https://login.microsoftonline.us",
        graph: "https://dod-graph.microsoft.us",
        graph_lacks: &["/beta/security/dataDiscovery/"],
        defender: "https://api-gov.securitycenter.microsoft.us",
        defender_audience: "https://api-gov.securitycenter.microsoft.us",
        defender_family: &["securitycenter.microsoft.us"],
        arm: "https://management.usgovcloudapi.net",
        logs_audience: "https://monitor.azure.us",
        portal: "https://security.apps.mil",
    },
    Cloud {
        name: "china",
        sign_in: "https://login.chinacloudapi.cn",
        graph: "https://microsoftgraph.chinacloudapi.cn",
        graph_lacks: &["/beta/security/", "/v1.0/security/"],
        defender: "",
        defender_audience: "",
        defender_family: &[],
        arm: "https://management.chinacloudapi.cn",
        logs_audience: "https://monitor.azure.cn",
        portal: "https://portal.azure.cn",
    },
];

impl Cloud {
    /// The cloud of that name.
    pub fn named(name: &str) -> Option<&'static Cloud> {
        CLOUDS.iter().find(|cloud| cloud.name == name)
    }

    /// The canonical origin of an API; empty where the cloud doesn't have it.
    pub fn origin(&self, api: Api) -> &'static str {
        match api {
            Api::Graph => self.graph,
            Api::Defender => self.defender,
            Api::Arm => self.arm,
        }
    }

    /// Why a source can't be had in this cloud, where its API isn't there; such a source isn't asked
    /// for.
    ///
    /// <https://learn.microsoft.com/graph/deployments>
    pub fn lacks(&self, source: &Source) -> Option<String> {
        let path = source.fetch.path();
        let is_absent = match source.api {
            Api::Graph => self.graph_lacks.iter().any(|prefix| path.starts_with(prefix)),
            api => self.origin(api).is_empty(),
        };
        is_absent.then(|| {
            let name = self.name;
            format!("the cloud {name} has no such data: take the source out of POSTURE_SOURCES")
        })
    }

    /// The scope to ask a token for.
    pub fn scope(&self, api: Api) -> String {
        let audience = match api {
            Api::Graph => self.graph,
            Api::Defender => self.defender_audience,
            Api::Arm => self.arm,
        };
        format!("{audience}/.default")
    }

    /// Host suffixes under which an API's own links may come back, beside its origin.
    pub fn family(&self, api: Api) -> &'static [&'static str] {
        match api {
            Api::Graph | Api::Arm => &[],
            Api::Defender => self.defender_family,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resource_manager_has_a_host_per_cloud_which_is_its_audience_too() {
        for (cloud, host) in [
            ("public", "management.azure.com"),
            ("gcc", "management.azure.com"),
            ("gcc-high", "management.usgovcloudapi.net"),
            ("dod", "management.usgovcloudapi.net"),
            ("china", "management.chinacloudapi.cn"),
        ] {
            let cloud = Cloud::named(cloud).unwrap();
            assert_eq!(cloud.origin(Api::Arm), format!("https://{host}"));
            assert_eq!(cloud.scope(Api::Arm), format!("https://{host}/.default"));
        }
    }
}
