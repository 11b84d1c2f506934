//! The report page: for eyes and for ears, without scripts, whatever names it shows.

use crate::support::service::{Service, environment};
use crate::support::tools;
use crate::support::{self, Folder};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind, Simulator};
use std::path::Path;
use std::process::Command;

const EVIL: &str = "</td><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&";

/// A service of one tenant, whose controls and recommendations have hostile names.
async fn hostile() -> (Service, Simulator, Folder) {
    let (microsoft, folder) = (support::microsoft(30).await, Folder::new());
    let profile = json!({ "value": [{ "id": "evil", "title": EVIL, "controlCategory": EVIL, "maxScore": 10,
        "implementationCost": "Low", "actionUrl": "javascript:alert(1)", "rank": 1 }] });
    let controls = json!({ "value": [{ "id": "a_2026-11-20", "createdDateTime": "2026-11-20T00:00:00Z",
        "currentScore": 1, "maxScore": 10, "averageComparativeScores": [{ "basis": EVIL, "averageScore": 3 }],
        "controlScores": [{ "controlName": "evil", "controlCategory": EVIL, "score": 1 }] }] });
    let recommendations = json!({ "value": [{ "id": "va-_-x-_-y", "recommendationName": EVIL, "status": "Active",
        "remediationType": EVIL, "exposureImpact": 9, "exposedMachinesCount": 3 }] });
    for (api, path, body) in [
        (Api::Graph, "/v1.0/security/secureScoreControlProfiles", profile),
        (Api::Graph, "/v1.0/security/secureScores", controls),
        (Api::Defender, "/api/recommendations", recommendations),
    ] {
        let body = body.to_string().into_bytes();
        let kind = FaultKind::Body { content_type: "application/json".into(), body };
        microsoft.inject(Fault::new(api, path, kind).always());
    }
    let mut environment = environment(&microsoft, &folder.url());
    environment.push(("POSTURE_TENANT_NAME".to_owned(), EVIL.to_owned()));
    let (code, output, _) = crate::commands::run(&environment, &["collect"]).await;
    assert_eq!(code, Some(0), "{output}");
    (Service::start(&environment).await, microsoft, folder)
}

#[tokio::test]
async fn the_page_is_whole_in_itself_and_shows_names_as_names() {
    let (service, _microsoft, _folder) = hostile().await;

    let page = service.get("/api/report").await;

    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{policy}");
    let body = &page.body;
    // Whatever is no tag of the page's own is written with `&lt;`.
    for tag in body.split('<').skip(1).filter_map(|rest| rest.split('>').next()) {
        for forbidden in ["script", "img", "link", "iframe", "object", "form"] {
            assert!(!tag.trim_start_matches('/').starts_with(forbidden), "<{tag}>");
        }
        let outside = tag.split('"').step_by(2).collect::<String>();
        for forbidden in [" src=", " style=", " on"] {
            assert!(!outside.contains(forbidden), "<{tag}>");
        }
        assert!(!tag.contains("href=\"javascript"), "<{tag}>");
    }
    assert!(!body.contains("url(") && !body.contains("@import"));
    assert!(body.matches("&lt;script&gt;").count() >= 4, "every hostile name is shown");
    let elsewhere = body.split("http").skip(1).filter(|rest| !rest.starts_with("s://security."));
    let elsewhere = elsewhere.filter(|rest| !rest.starts_with("://www.w3.org/2000/svg"));
    assert_eq!(elsewhere.map(|rest| &rest[..20]).collect::<Vec<_>>(), [""; 0]);
}

#[tokio::test]
async fn a_figure_has_a_text_and_a_table_beside_it() {
    let (service, _microsoft, _folder) = hostile().await;

    let body = service.get("/api/report").await.body;

    let figures = body.matches("<figure").count();
    assert!(figures >= 3, "{figures} figures");
    assert_eq!(body.matches("<figure role=\"group\" aria-label=\"").count(), figures);
    assert!(body.matches("<details><summary>").count() >= figures);
    assert!(
        body.contains("<html lang=\"en\">")
            && body.contains("<a class=\"skip\" href=\"#content\">")
    );
    assert_eq!(body.matches("<h1>").count(), 1);
}

/// What headless Chromium makes of an address: the document after loading.
fn browsed(chromium: &Path, url: &str, screenshot: &Path) -> (String, String) {
    let screenshot = format!("--screenshot={}", screenshot.display());
    let run = |more: &[&str]| {
        let flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"];
        let output = Command::new(chromium).args(flags).args(more).arg(url).output().unwrap();
        (
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    run(&["--window-size=1280,2600", &screenshot]);
    run(&["--dump-dom"])
}

#[tokio::test]
async fn a_browser_runs_nothing_and_refuses_nothing_of_it() {
    let Some(chromium) = tools::chromium() else { return };
    let (service, _microsoft, folder) = hostile().await;
    let url = format!("http://127.0.0.1:{}/api/report", service.port);
    let picture = folder.path().join("page.png");

    let shot = picture.clone();
    let (document, log) =
        tokio::task::spawn_blocking(move || browsed(&chromium, &url, &shot)).await.unwrap();

    assert!(document.contains("<title>Security posture of"), "{document}");
    assert!(!document.contains("<title>owned"), "a name was run");
    assert!(!log.contains("Content Security Policy"), "{log}");
    let picture = std::fs::read(&picture).unwrap();
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 30_000, "{} bytes", picture.len());
}

#[tokio::test]
async fn a_tenant_of_which_nothing_is_known_has_a_page_too() {
    let (microsoft, folder) = (support::microsoft(1).await, Folder::new());
    let service = Service::start(&environment(&microsoft, &folder.url())).await;

    let page = service.get("/api/report").await;

    let summary: Value = service.get("/api/summary").await.json();
    assert_eq!(page.status, 200);
    let missing = summary["missing"].as_array().unwrap().len();
    assert_eq!(page.body.matches("missing</span>").count(), missing);
}

#[tokio::test]
async fn of_several_tenants_there_is_a_page_of_all_that_leads_to_each() {
    let tenants = [support::tenant(5), simulator::Tenant::new(2, "Fabrikam <b>", 5)];
    let mut options = simulator::Options::new(tenants.to_vec(), posture::describe::tables_json());
    options.limits = false;
    let (microsoft, folder) = (support::start(options).await, Folder::new());
    let app = support::app(&microsoft, &tenants, folder.ledger());
    let job = support::job(&app, posture::source::SECURE_SCORES);
    posture::run::run(&app, &job).await;

    let all = support::answer(&app, "GET", "/api/report", "").await;
    let one =
        support::answer(&app, "GET", "/api/report", &format!("tenant={}", tenants[0].id)).await;

    assert_eq!((all.status, one.status), (200, 200));
    assert!(all.body.contains("<h1>Security posture of all tenants</h1>"));
    assert!(all.body.contains("Fabrikam &lt;b&gt;"), "names are names");
    for tenant in &tenants {
        assert!(all.body.contains(&format!("href=\"?tenant={}\"", tenant.id)));
    }
    assert!(one.body.contains("<h1>Security posture of Contoso</h1>"));
}
