//! App roles that the two services define, with their ids.

pub(super) const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
pub(super) const DEFENDER: &str = "fc780465-2017-40d4-a0c5-307022471b92";

/// Service, name and id.
pub(super) const ROLES: [(&str, &str, &str); 18] = [
    (GRAPH, "SecurityEvents.Read.All", "bf394140-e372-4bf9-a898-299cfc7564e5"),
    (GRAPH, "SecurityEvents.ReadWrite.All", "d903a879-88e0-4c09-b0c9-82f6a1333f84"),
    (GRAPH, "SecurityAlert.Read.All", "472e4a4d-bb4a-4026-98d1-0b0d74cb74a5"),
    (GRAPH, "SecurityIncident.Read.All", "45cc0394-e837-488b-a098-1918f48d186c"),
    (GRAPH, "IdentityRiskyUser.Read.All", "dc5007c0-2d7d-4c42-879c-2dab87571379"),
    (GRAPH, "IdentityRiskEvent.Read.All", "6e472fd1-ad78-48da-a0f0-97ab2c6b769e"),
    (GRAPH, "CloudApp-Discovery.Read.All", "64a59178-dad3-4673-89db-84fdcd622fec"),
    (GRAPH, "ThreatHunting.Read.All", "dd98c7f5-2d42-42d3-a0e4-633161547251"),
    (DEFENDER, "Score.Read.All", "02b005dd-f804-43b4-8fc7-078460413f74"),
    (DEFENDER, "SecurityRecommendation.Read.All", "6443965c-7dd2-4cfd-b38f-bb7772bee163"),
    (DEFENDER, "Vulnerability.Read.All", "41269fc5-d04d-4bfd-bce7-43a51cea049a"),
    (DEFENDER, "Machine.Read.All", "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79"),
    (DEFENDER, "Machine.Isolate", "7e4e1300-e1b9-4102-88ba-f0cb6e6d5974"),
    (DEFENDER, "Machine.Scan", "a86d9824-b2b6-45f8-b042-16bc4922ed4e"),
    (DEFENDER, "Software.Read.All", "37f71c98-d198-41ae-964d-2c49aab74926"),
    (DEFENDER, "User.Read.All", "a833834a-4cf1-4732-8acf-bbcfa13fb610"),
    (DEFENDER, "SecurityBaselinesAssessment.Read.All", "e870c0c1-c1a2-41ca-948e-a33912d2d3f0"),
    (DEFENDER, "Alert.Read.All", "71fe6b80-7034-4028-9ed8-0f316df9c3ff"),
];
