//! What is the deployment's own: storage, queue, workspace; and the whole of a healthy one.

use super::{World, is_discreet};
use crate::commands::run;
use crate::support::azurite::Azurite;
use crate::support::queue_trigger::queue;
use crate::support::{self, Folder};
use azure_storage_queue::models::QueueMessage;
use posture::describe;
use simulator::Options;

#[tokio::test]
async fn a_healthy_deployment_has_nothing_but_good_findings() {
    let (blobs, queues) = (Azurite::start().await, Azurite::start_queues().await);
    let mut world = World::new().await;
    world.set("POSTURE_STORAGE", &blobs.url());
    world.set("POSTURE_QUEUE_URL", &queues.url());
    queue(&queues, "posture-jobs").await;

    let diagnosis = world.diagnosis().await;
    let (code, output, errors) = run(&world.environment, &["check"]).await;

    assert_eq!(diagnosis.bad(), [""; 0], "{:#}", diagnosis.0);
    assert_eq!(diagnosis.0["status"], "good");
    diagnosis.says(("storage", "write, read, delete"), "good", "below check/", "");
    diagnosis.says(("queue", "posture-jobs"), "good", "about 0 messages", "");
    diagnosis.says(("queue", "posture-jobs-poison"), "good", "nothing was given up", "");
    diagnosis.says(("graph", "token"), "good", "app roles: SecurityEvents.Read.All", "");
    diagnosis.says(("defender", "Machine.Read.All"), "good", "/api/machines answers", "");
    diagnosis.says(("azure", "subscriptions"), "good", "3 subscriptions can be read", "");
    diagnosis.says(("azure", "Resource Manager's calls"), "good", "reads 249", "");
    diagnosis.says(("azure", "Resource Graph's queries"), "good", "x-ms-user-quota-remaining", "");
    diagnosis.says(("workspace", "clock"), "good", "agree", "");
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{output}");
    assert!(output.contains("0 wrong, 0 warnings, "), "{output}");
    is_discreet(&output);
    assert_eq!(
        world.microsoft.received().counts.len(),
        describe::tables_json()["tables"].as_array().unwrap().len()
    );
}

#[tokio::test]
async fn jobs_that_were_given_up_are_counted() {
    let queues = Azurite::start_queues().await;
    let mut world = World::new().await;
    world.set("POSTURE_QUEUE_URL", &queues.url());
    world.set("POSTURE_QUEUE", "jobs");
    let poison = queue(&queues, "jobs-poison").await;
    let message = QueueMessage { message_text: Some("e30=".to_owned()) };
    poison.send_message(message.try_into().unwrap(), None).await.unwrap();

    let diagnosis = world.diagnosis().await;

    diagnosis.says(("queue", "jobs-poison"), "warning", "about 1 jobs were given up", "runs/");
    diagnosis.says(("queue", "jobs"), "warning", "isn't there", "AzureWebJobsStorage");
    assert_eq!(diagnosis.0["status"], "warning");
}

#[tokio::test]
async fn a_folder_has_no_queue_and_a_file_in_its_place_is_wrong() {
    let mut world = World::new().await;
    let whole = world.diagnosis().await;
    let folder = Folder::new();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    world.set("POSTURE_STORAGE", &format!("file://{}", file.display()));

    let broken = world.diagnosis().await;
    let (code, output, _) = run(&world.environment, &["check"]).await;

    whole.says(("queue", "queue"), "good", "no queue: folder storage", "");
    broken.says(("storage", "write"), "wrong", "failed at check/", "check POSTURE_STORAGE");
    assert_eq!(broken.0["findings"][0]["area"], "storage", "the worst comes first");
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("storage, write: check POSTURE_STORAGE, "), "{output}");
}

#[tokio::test]
async fn whoever_may_not_publish_is_told_the_role_at_each_rule() {
    let world = World::new().await;
    world.microsoft.refuse_publisher(true);

    let diagnosis = world.diagnosis().await;

    for rule in world.microsoft.rules() {
        let next = "grant Monitoring Metrics Publisher on the data collection rule";
        diagnosis.says(("workspace", &rule), "wrong", "refused (403", next);
    }
}

#[tokio::test]
async fn a_rule_that_is_older_than_the_release_is_named_with_the_streams_that_it_lacks() {
    let mut tables = describe::tables_json();
    let rules = tables["rules"].as_array_mut().unwrap();
    let streams = rules.last_mut().unwrap()["streams"].as_array_mut().unwrap();
    // One that has a rule whatever is deployed.
    streams.retain(|stream| !stream["flows"].as_array().unwrap().is_empty());
    let lacks = streams.pop().unwrap()["stream"].as_str().unwrap().to_owned();
    let mut options = Options::new(vec![support::tenant(3)], tables);
    options.limits = false;
    let mut world = World::new().await;
    let microsoft = support::start(options).await;
    let rules = microsoft.rules();
    world.set("POSTURE_LOGS_URL", &microsoft.logs_url());

    let old = world.diagnosis().await;
    world.set("POSTURE_LOGS_RULES", &format!("dcr-0123,{}", rules[1]));
    let few = world.diagnosis().await;

    let says = format!("doesn't know {lacks}");
    old.says(("workspace", rules.last().unwrap()), "wrong", &says, "deploy infra/ again");
    old.says(("workspace", &rules[0]), "good", "takes its ", "");
    few.says(("workspace", "dcr-0123"), "wrong", "answers 404", "POSTURE_LOGS_RULES");
    few.says(("workspace", "rules"), "warning", "PostureAzureAssessments_CL", "in the order of");
}

#[tokio::test]
async fn without_a_workspace_there_is_nothing_to_send_to() {
    let mut world = World::new().await;
    world.environment.retain(|(name, _)| name != "POSTURE_LOGS_RULES");

    let diagnosis = world.diagnosis().await;

    diagnosis.says(("workspace", "workspace"), "good", "records stay in storage", "");
}

#[tokio::test]
async fn who_carries_actions_out_is_looked_at_where_some_are_allowed() {
    let mut world = World::new().await;
    let tenant = support::tenant(0).id;
    let off = world.diagnosis().await;
    world.set("POSTURE_ACTIONS", "isolate,control-profile");
    let nobody = world.diagnosis().await;
    world.set("POSTURE_ACTION_CLIENT_ID", &world.microsoft.action_client(&tenant).unwrap());
    world.microsoft.let_act(&tenant, &["SecurityEvents.ReadWrite.All"]);
    let lacking = world.diagnosis().await;
    world.microsoft.let_act(&tenant, &["Machine.Isolate"]);
    let whole = world.diagnosis().await;

    let is_about_actions = |one: &String| one.starts_with("actions");
    assert!(!off.bad().iter().any(is_about_actions));
    nobody.says(("actions", "identity"), "wrong", "POSTURE_ACTION_CLIENT_ID", "docs/actions.md");
    lacking.says(("actions", "app roles"), "wrong", "lacks Machine.Isolate", "--act isolate");
    assert!(!whole.bad().iter().any(is_about_actions), "{:?}", whole.bad());
    assert_eq!(whole.all("actions", "token").len(), 2);
}
