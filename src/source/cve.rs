//! What is known of vulnerabilities outside: read once per deployment, for all its tenants.

use super::connector;
use super::table::{Column, ColumnType, boolean, datetime, dynamic, long, text};
use super::{Api, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

/// The tenant that stands for all: what is the same for everyone is kept under it.
pub const EVERYONE: &str = "00000000-0000-0000-0000-000000000000";

const fn text_real(field: &'static str) -> Column {
    Column { field, name: field, kind: ColumnType::TextReal }
}

/// Vulnerabilities that are known to be exploited, as CISA lists them: some 1,800, edited now and then.
///
/// A run reads the whole catalogue and replaces the one before; `catalogVersion` and `dateReleased` are
/// the catalogue's. A due date may be three days after the record, or before it.
///
/// <https://www.cisa.gov/known-exploited-vulnerabilities-catalog>
pub const KNOWN_EXPLOITED: Source = Source {
    name: "cve.kev",
    about: "CISA's catalogue of vulnerabilities that are known to be exploited",
    api: Api::Kev,
    fetch: Fetch::Kev("/sites/default/files/feeds/known_exploited_vulnerabilities.json"),
    key: &["cveID"],
    reads: Reads::Whole,
    needs: Permission::Nothing,
    default: false,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::KnownExploited,
    table: Table {
        name: "PostureKnownExploited_CL",
        columns: &[
            text("cveID"),
            text("vendorProject"),
            text("product"),
            text("vulnerabilityName"),
            datetime("dateAdded"),
            datetime("dueDate"),
            text("shortDescription"),
            text("requiredAction"),
            text("knownRansomwareCampaignUse"),
            text("notes"),
            dynamic("cwes"),
            text("forensicTriage"),
            text("catalogVersion"),
            datetime("dateReleased"),
        ],
        classic: &[],
    },
};

/// The probability that a vulnerability is exploited within 30 days, as FIRST's model estimates it each
/// day for all of them: some 360,000 rows of a CSV file, whose values stay texts.
///
/// `model_version` and `score_date` are the file's own: a score says nothing without them, since a new
/// model moves the whole scale.
///
/// <https://www.first.org/epss/data_stats>
pub const EPSS: Source = Source {
    name: "cve.epss",
    about: "FIRST's probability of exploitation within 30 days, of each vulnerability",
    api: Api::Epss,
    fetch: Fetch::Epss("/epss_scores-current.csv.gz"),
    key: &["cve"],
    reads: Reads::Whole,
    needs: Permission::Nothing,
    default: false,
    every: SignedDuration::from_hours(24),
    sends: Sends::Exposed("cve"),
    digest: Kind::Epss,
    table: Table {
        name: "PostureEpss_CL",
        columns: &[
            text("cve"),
            text_real("epss"),
            text_real("percentile"),
            text("model_version"),
            datetime("score_date"),
        ],
        classic: &[],
    },
};

/// What the National Vulnerability Database says of vulnerabilities: scores of several givers, weakness,
/// references. The first run reads all, some 380,000; later ones what was modified since.
///
/// Times have no zone and mean UTC. `wholeRead` is ours: whether the record came with all others.
///
/// <https://nvd.nist.gov/developers/vulnerabilities>
pub const NVD: Source = Source {
    name: "cve.nvd",
    about: "The National Vulnerability Database: scores, vectors and weaknesses of vulnerabilities",
    api: Api::Nvd,
    fetch: Fetch::Nvd("/rest/json/cves/2.0"),
    key: &["id"],
    reads: Reads::Modified,
    needs: Permission::Nothing,
    default: false,
    every: SignedDuration::from_hours(4),
    sends: Sends::Exposed("id"),
    digest: Kind::Nvd,
    table: Table {
        name: "PostureNvd_CL",
        columns: &[
            text("id").named("CveId"),
            text("sourceIdentifier"),
            datetime("published"),
            datetime("lastModified"),
            text("vulnStatus"),
            dynamic("cveTags"),
            dynamic("descriptions"),
            dynamic("metrics"),
            dynamic("weaknesses"),
            dynamic("configurations"),
            dynamic("affected"),
            dynamic("references"),
            text("evaluatorComment"),
            text("evaluatorSolution"),
            text("evaluatorImpact"),
            dynamic("vendorComments"),
            datetime("cisaExploitAdd"),
            datetime("cisaActionDue"),
            text("cisaRequiredAction"),
            text("cisaVulnerabilityName"),
            boolean("wholeRead"),
        ],
        classic: &[connector::MDVM_NIST_CVE_KB],
    },
};

/// The products that a record of [`NVD`] names, a row for each of its `cpeMatch`.
///
/// `configurationNumber` counts a record's configurations from 1, as the published connector does.
pub const NVD_CONFIGURATIONS: Table = Table {
    name: "PostureNvdConfigurations_CL",
    columns: &[
        text("cveId"),
        long("configurationNumber"),
        text("configurationOperator"),
        text("configurationNegate"),
        text("nodeOperator"),
        boolean("nodeNegate"),
        text("criteria"),
        text("matchCriteriaId"),
        boolean("vulnerable"),
        text("versionStartIncluding"),
        text("versionStartExcluding"),
        text("versionEndIncluding"),
        text("versionEndExcluding"),
    ],
    classic: &[connector::MDVM_NIST_CONFIGURATIONS],
};

/// Streams for classic tables alone, each with the source whose records fan out into its rows: there is no
/// table of ours behind them.
pub const FANNED: &[(&str, Table)] = &[("cve.nvd", NVD_CONFIGURATIONS)];
