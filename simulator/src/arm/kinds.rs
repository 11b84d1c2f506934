//! What Defender for Cloud keeps about a subscription: kinds of rows, their paths and numbers.

use serde_json::Value;

use crate::arm::records;
use crate::arm::subscriptions::Subscription;
use crate::scene::Scene;

/// One kind of row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Scores,
    Controls,
    Definitions,
    Assessments,
    Standards,
    /// Of all standards.
    ComplianceControls,
    /// Of all controls of all standards.
    ComplianceAssessments,
}

pub(crate) const KINDS: [Kind; 7] = [
    Kind::Scores,
    Kind::Controls,
    Kind::Definitions,
    Kind::Assessments,
    Kind::Standards,
    Kind::ComplianceControls,
    Kind::ComplianceAssessments,
];

/// How many there are: score controls, assessments known by key, standards, controls of a standard,
/// assessments of a control.
pub(crate) const CONTROLS: u64 = 12;
pub(crate) const KEYS: u64 = 10;
pub(crate) const STANDARDS: u64 = 3;
pub(crate) const CONTROLS_EACH: u64 = 5;
pub(crate) const ASSESSMENTS_EACH: u64 = 4;

impl Kind {
    /// Folder of recorded pages.
    pub(crate) fn source(self) -> &'static str {
        match self {
            Kind::Scores => "azure.secure_scores",
            Kind::Controls => "azure.secure_score_controls",
            Kind::Definitions => "azure.control_definitions",
            Kind::Assessments => "azure.assessments",
            Kind::Standards => "azure.compliance_standards",
            Kind::ComplianceControls => "azure.compliance_controls",
            Kind::ComplianceAssessments => "azure.compliance_assessments",
        }
    }

    /// API versions that are known, the newest first.
    pub(crate) fn versions(self) -> &'static [&'static str] {
        match self {
            Kind::Scores | Kind::Controls | Kind::Definitions => &["2020-01-01"],
            Kind::Assessments => &["2025-05-04", "2021-06-01", "2020-01-01"],
            _ => &["2019-01-01-preview"],
        }
    }

    /// Query options besides the version.
    pub(crate) fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::Controls => &[("$expand", "definition")],
            _ => &[],
        }
    }

    /// The type in Resource Graph.
    pub(crate) fn graph_type(self) -> &'static str {
        match self {
            Kind::Scores => "microsoft.security/securescores",
            Kind::Controls => "microsoft.security/securescores/securescorecontrols",
            Kind::Definitions => "microsoft.security/securescorecontroldefinitions",
            Kind::Assessments => "microsoft.security/assessments",
            Kind::Standards => "microsoft.security/regulatorycompliancestandards",
            Kind::ComplianceControls => {
                "microsoft.security/regulatorycompliancestandards/regulatorycompliancecontrols"
            }
            Kind::ComplianceAssessments => {
                "microsoft.security/regulatorycompliancestandards/regulatorycompliancecontrols/regulatorycomplianceassessments"
            }
        }
    }

    /// Rows of one subscription.
    pub(crate) fn total(self, scene: &Scene) -> u64 {
        match self {
            Kind::Scores => 1,
            Kind::Controls | Kind::Definitions => CONTROLS,
            Kind::Assessments => KEYS * records::resources(scene),
            Kind::Standards => STANDARDS,
            Kind::ComplianceControls => STANDARDS * CONTROLS_EACH,
            Kind::ComplianceAssessments => STANDARDS * CONTROLS_EACH * ASSESSMENTS_EACH,
        }
    }

    /// Row `number` of a subscription.
    pub(crate) fn record(self, scene: &Scene, of: &Subscription, number: u64) -> Value {
        match self {
            Kind::Scores => records::score(scene, of),
            Kind::Controls => records::control(scene, of, number),
            Kind::Definitions => records::definition(scene, number),
            Kind::Assessments => records::assessment(scene, of, number),
            Kind::Standards => records::standard(scene, of, number),
            Kind::ComplianceControls => records::compliance_control(scene, of, number),
            Kind::ComplianceAssessments => records::compliance_assessment(scene, of, number),
        }
    }
}
