//! Hosts of each cloud, identities and their tokens, the one transport and the link check: this
//! module alone opens connections.
//!
//! Above the transport every URL has its API's canonical https origin; the transport maps origins to
//! the bases that settings put in their place.

mod advice;
mod answer;
mod api;
mod budget;
mod claims;
mod feed;
mod gate;
mod identity;
mod link;
mod otlp;
mod patience;
mod quota;
mod token;
mod transport;
mod trouble;
mod vault;

pub use answer::Answer;
pub use api::{CallError, Pipeline};
pub use budget::{Budget, Room};
pub use claims::Claims;
pub use gate::Gates;
pub use identity::{Application, Consent, End, Identity, Material, Proof, Turns};
pub use link::{LinkError, canonical};
pub use otlp::Receiver;
pub use patience::{Heard, Meter, Patience};
pub use quota::{Limit, QUOTAS, Quota};
pub use token::{TokenError, Tokens};
pub use transport::{Route, Wire, is_loopback};
pub use vault::{Kind, Reference, ReferenceError, Vault};

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
    /// Regions that have a host of their own, in front of Defender's: nearer data, same API.
    pub defender_regions: &'static [&'static str],
    /// Origin of Azure Resource Manager, which is also its audience.
    pub arm: &'static str,
    /// Audience of the Logs Ingestion API.
    pub logs_audience: &'static str,
    /// Suffix of Key Vault's hosts; with `https://` in front it is their audience.
    pub vault_suffix: &'static str,
    /// Audience of a managed identity's token that stands in for an application's secret.
    pub exchange_audience: &'static str,
    /// The portal that people are sent to.
    pub portal: &'static str,
    /// Origins of what anyone may read, whatever the cloud.
    pub feeds: Feeds,
}

/// Origins of what is known of vulnerabilities outside; no token goes there.
#[derive(Debug, PartialEq, Eq)]
pub struct Feeds {
    /// CISA's site.
    pub kev: &'static str,
    /// Where CISA's own copy of its catalogue lies.
    pub kev_mirror: &'static str,
    /// The file host of FIRST's scores.
    pub epss: &'static str,
    /// Host suffixes that the file may lead to.
    pub epss_family: &'static [&'static str],
    /// The National Vulnerability Database.
    pub nvd: &'static str,
}

const FEEDS: Feeds = Feeds {
    kev: "https://www.cisa.gov",
    kev_mirror: "https://raw.githubusercontent.com",
    epss: "https://epss.empiricalsecurity.com",
    epss_family: &["epss.empiricalsecurity.com", "epss.cyentia.com"],
    nvd: "https://services.nvd.nist.gov",
};

const PUBLIC: Cloud = Cloud {
    name: "public",
    sign_in: "https://login.microsoftonline.com",
    graph: "https://graph.microsoft.com",
    graph_lacks: &[],
    defender: "https://api.security.microsoft.com",
    defender_audience: "https://api.securitycenter.microsoft.com",
    defender_family: &["api.security.microsoft.com", "securitycenter.microsoft.com"],
    defender_regions: &["us", "eu", "uk", "au", "swa", "ina", "aea"],
    arm: "https://management.azure.com",
    logs_audience: "https://monitor.azure.com",
    vault_suffix: "vault.azure.net",
    exchange_audience: "api://AzureADTokenExchange",
    portal: "https://security.microsoft.com",
    feeds: FEEDS,
};

/// Every cloud that can be named in a setting.
pub const CLOUDS: &[Cloud] = &[
    PUBLIC,
    Cloud {
        name: "gcc",
        defender: "https://api-gcc.securitycenter.microsoft.us",
        defender_audience: "https://api-gcc.securitycenter.microsoft.us",
        defender_family: &["securitycenter.microsoft.us"],
        defender_regions: &[],
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
        defender_regions: &[],
        arm: "https://management.usgovcloudapi.net",
        logs_audience: "https://monitor.azure.us",
        vault_suffix: "vault.usgovcloudapi.net",
        exchange_audience: "api://AzureADTokenExchangeUSGov",
        portal: "https://security.microsoft.us",
        feeds: FEEDS,
    },
    Cloud {
        name: "dod",
        sign_in: "https://login.microsoftonline.us",
        graph: "https://dod-graph.microsoft.us",
        graph_lacks: &["/beta/security/dataDiscovery/"],
        defender: "https://api-gov.securitycenter.microsoft.us",
        defender_audience: "https://api-gov.securitycenter.microsoft.us",
        defender_family: &["securitycenter.microsoft.us"],
        defender_regions: &[],
        arm: "https://management.usgovcloudapi.net",
        logs_audience: "https://monitor.azure.us",
        vault_suffix: "vault.usgovcloudapi.net",
        exchange_audience: "api://AzureADTokenExchangeUSGov",
        portal: "https://security.apps.mil",
        feeds: FEEDS,
    },
    Cloud {
        name: "china",
        sign_in: "https://login.chinacloudapi.cn",
        graph: "https://microsoftgraph.chinacloudapi.cn",
        graph_lacks: &["/beta/security/", "/v1.0/security/"],
        defender: "",
        defender_audience: "",
        defender_family: &[],
        defender_regions: &[],
        arm: "https://management.chinacloudapi.cn",
        logs_audience: "https://monitor.azure.cn",
        vault_suffix: "vault.azure.cn",
        exchange_audience: "api://AzureADTokenExchangeChina",
        portal: "https://portal.azure.cn",
        feeds: FEEDS,
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
            Api::Kev => self.feeds.kev,
            Api::Epss => self.feeds.epss,
            Api::Nvd => self.feeds.nvd,
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

    /// The address of Defender's host in one of the regions.
    pub fn defender_in(&self, region: &str) -> Option<String> {
        let region = self.defender_regions.iter().find(|known| **known == region)?;
        Some(self.defender.replacen("https://", &format!("https://{region}."), 1))
    }

    /// The scope to ask a Key Vault's token for.
    pub fn vault_scope(&self) -> String {
        format!("https://{}/.default", self.vault_suffix)
    }

    /// What stands for every Key Vault of the cloud in a [`Route`].
    pub fn vaults(&self) -> String {
        format!("https://*.{}", self.vault_suffix)
    }

    /// The scope to ask a token for; none is asked for what anyone may read.
    pub fn scope(&self, api: Api) -> String {
        let audience = match api {
            Api::Defender => self.defender_audience,
            other => self.origin(other),
        };
        format!("{audience}/.default")
    }

    /// Host suffixes under which an API's own links may come back, beside its origin.
    pub fn family(&self, api: Api) -> &'static [&'static str] {
        match api {
            Api::Epss => self.feeds.epss_family,
            Api::Graph | Api::Arm | Api::Kev | Api::Nvd => &[],
            Api::Defender => self.defender_family,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row as the documentation has it: sign-in, Graph, Defender, Resource Manager, workspace,
    /// Key Vault, exchange.
    fn row(cloud: &str) -> [&'static str; 7] {
        let cloud = Cloud::named(cloud).unwrap();
        [
            cloud.sign_in,
            cloud.graph,
            cloud.defender,
            cloud.arm,
            cloud.logs_audience,
            cloud.vault_suffix,
            cloud.exchange_audience,
        ]
    }

    #[test]
    fn the_public_cloud_has_its_documented_hosts() {
        let expected = [
            "https://login.microsoftonline.com",
            "https://graph.microsoft.com",
            "https://api.security.microsoft.com",
            "https://management.azure.com",
            "https://monitor.azure.com",
            "vault.azure.net",
            "api://AzureADTokenExchange",
        ];
        assert_eq!(row("public"), expected);
        let audience = Cloud::named("public").unwrap().scope(Api::Defender);
        assert_eq!(audience, "https://api.securitycenter.microsoft.com/.default");
    }

    #[test]
    fn gcc_is_the_public_cloud_with_a_defender_of_its_own() {
        let mut expected = row("public");
        expected[2] = "https://api-gcc.securitycenter.microsoft.us";
        assert_eq!(row("gcc"), expected);
    }

    #[test]
    fn gcc_high_has_its_documented_hosts() {
        let expected = [
            "https://login.microsoftonline.us",
            "https://graph.microsoft.us",
            "https://api-gov.securitycenter.microsoft.us",
            "https://management.usgovcloudapi.net",
            "https://monitor.azure.us",
            "vault.usgovcloudapi.net",
            "api://AzureADTokenExchangeUSGov",
        ];
        assert_eq!(row("gcc-high"), expected);
    }

    #[test]
    fn dod_is_gcc_high_with_a_graph_of_its_own() {
        let mut expected = row("gcc-high");
        expected[1] = "https://dod-graph.microsoft.us";
        assert_eq!(row("dod"), expected);
    }

    #[test]
    fn china_has_resource_manager_and_nothing_of_defender() {
        let expected = [
            "https://login.chinacloudapi.cn",
            "https://microsoftgraph.chinacloudapi.cn",
            "",
            "https://management.chinacloudapi.cn",
            "https://monitor.azure.cn",
            "vault.azure.cn",
            "api://AzureADTokenExchangeChina",
        ];
        assert_eq!(row("china"), expected);
    }

    #[test]
    fn every_row_has_audiences_that_belong_to_it() {
        for cloud in CLOUDS {
            assert_eq!(cloud.scope(Api::Graph), format!("{}/.default", cloud.graph));
            assert_eq!(cloud.scope(Api::Arm), format!("{}/.default", cloud.arm));
            assert_eq!(cloud.vault_scope(), format!("https://{}/.default", cloud.vault_suffix));
        }
    }

    #[test]
    fn defenders_regional_hosts_are_hosts_of_its_family() {
        let public = Cloud::named("public").unwrap();
        for region in public.defender_regions {
            let host = public.defender_in(region).unwrap();
            assert_eq!(host, format!("https://{region}.api.security.microsoft.com"));
            let link = format!("{host}/api/machines");
            assert!(canonical(&link, Api::Defender, public, None).is_ok(), "{link}");
        }
        assert_eq!(public.defender_in("mars"), None);
        assert_eq!(Cloud::named("dod").unwrap().defender_in("eu"), None);
    }
}
