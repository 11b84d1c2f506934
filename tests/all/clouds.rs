//! A cloud that lacks an API is never asked for it.

use crate::support::{self, Folder, job};
use posture::app;
use posture::cloud::{Cloud, Identity, Route, Wire};
use posture::report::Status;
use posture::run::run;
use posture::source::{ALL, AZURE_SUBSCRIPTIONS, Api as Ours, DEVICES, SECURE_SCORES};
use posture::tenant::Tenant;
use simulator::Api;

#[tokio::test]
async fn chinas_graph_and_defender_are_refused_with_advice_and_not_asked() {
    let microsoft = support::microsoft(5).await;
    let (theirs, folder) = (support::tenant(5), Folder::new());
    let china = Cloud::named("china").unwrap();
    let wire = Wire::new(vec![
        Route::new(china.sign_in, microsoft.entra_url().parse().unwrap()),
        Route::new(china.origin(Ours::Graph), microsoft.graph_url().parse().unwrap()),
    ]);
    let identity =
        Identity::client_secret(&theirs.id, &theirs.client_id, theirs.client_secret.as_str());
    let mut app = support::app(&microsoft, std::slice::from_ref(&theirs), folder.ledger());
    let way = app::way(wire);
    *support::first_mut(&mut app) =
        Tenant::new(&theirs.id, &theirs.name, china, ALL.to_vec(), identity, &way);

    for source in [SECURE_SCORES, DEVICES, posture::source::DEVICE_VULNERABILITIES] {
        let report = run(&app, &job(&app, source)).await;

        assert_eq!(report.status, Status::Unavailable, "{report}");
        let text = "the cloud china has no such data: take the source out of POSTURE_SOURCES";
        assert!(report.message.contains(text), "{report}");
    }

    let theirs = |api| microsoft.requests().iter().filter(|seen| seen.api == api).count();
    assert_eq!((theirs(Api::Graph), theirs(Api::Defender)), (0, 0));
    assert_eq!(china.lacks(&AZURE_SUBSCRIPTIONS), None);
}
