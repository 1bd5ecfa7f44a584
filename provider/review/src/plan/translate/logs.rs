//! Log groups and who gets copies of their lines; secrets and parameters; SNS topics and SQS queues.

use provider_boundary::model::{
    Fact, World,
    store::{LogGroup, Mailbox, Secret, Subscription},
};

use super::super::object::{self, Object, Objects};

const KINDS: &[&str] = &[
    "aws_cloudwatch_log_group",
    "aws_cloudwatch_log_subscription_filter",
    "aws_cloudwatch_log_stream",
    "aws_secretsmanager_secret",
    "aws_secretsmanager_secret_policy",
    "aws_secretsmanager_secret_version",
    "aws_sns_topic",
    "aws_sns_topic_policy",
    "aws_sns_topic_subscription",
    "aws_sqs_queue",
    "aws_sqs_queue_policy",
];

pub(super) fn translate(objects: &Objects, world: &mut World) -> &'static [&'static str] {
    world.log_groups.extend(objects.of(&["aws_cloudwatch_log_group"]).map(|object| group(objects, object)));
    // A filter on a group that is not in the plan: the group is shown with what is known of it.
    for object in objects.of(&["aws_cloudwatch_log_subscription_filter"]) {
        let name = object.get("log_group_name").in_text();
        let managed = objects.of(&["aws_cloudwatch_log_group"]).any(|group| group.get("name").as_str() == Some(&name));
        let known = world.log_groups.iter_mut().find(|one| one.name.text() == Some(&name));
        match known {
            Some(_) if managed => {}
            Some(known) => known.subscriptions.push(subscription(object)),
            None => world.log_groups.push(unread(object, &name)),
        }
    }
    world.secrets.extend(objects.of(&["aws_secretsmanager_secret"]).map(|object| secret(objects, object)));
    for object in objects.of(&["aws_sns_topic"]) {
        let arns = arns(object);
        let subscribers = objects.belonging("aws_sns_topic_subscription", "topic_arn", &arns);
        let subscribers = subscribers
            .map(|one| Fact::from_text(format!("{} {}", one.get("protocol").in_text(), one.get("endpoint").in_text())));
        world.mailboxes.push(Mailbox {
            origin: object.origin.clone(),
            arn: object.text("arn"),
            key: object.maybe("kms_master_key_id"),
            policy: own_policy(objects, object, "aws_sns_topic_policy", "arn"),
            subscribers: subscribers.collect(),
        });
    }
    for object in objects.of(&["aws_sqs_queue"]) {
        world.mailboxes.push(Mailbox {
            origin: object.origin.clone(),
            arn: object.text("arn"),
            key: object.maybe("kms_master_key_id"),
            policy: own_policy(objects, object, "aws_sqs_queue_policy", "queue_url"),
            subscribers: Vec::new(),
        });
    }
    KINDS
}

fn arns(object: &Object) -> Vec<String> {
    let mut all: Vec<String> =
        ["arn", "id", "url"].iter().filter_map(|name| object.get(name).as_str().map(str::to_owned)).collect();
    all.dedup();
    all
}

fn own_policy(objects: &Objects, object: &Object, kind: &str, argument: &str) -> Option<Fact<String>> {
    match objects.belonging(kind, argument, &arns(object)).next() {
        Some(own) => own.policy("policy"),
        // Computed when nobody sets it.
        None if object.configures("policy") || !object.created() => object.policy("policy"),
        None => None,
    }
}

fn unread(object: &Object, name: &str) -> LogGroup {
    let unread = || object::not_read("logs:DescribeLogGroups");
    LogGroup {
        origin: object.origin.clone(),
        arn: log_arn(object, name),
        name: object.text("log_group_name"),
        account: object.account(),
        region: object.region(),
        key: Some(Fact::Unknown(unread())),
        retention_days: Fact::Unknown(unread()),
        subscriptions: vec![subscription(object)],
        more_subscriptions: Some(object::not_read("logs:DescribeSubscriptionFilters")),
    }
}

fn log_arn(object: &Object, name: &str) -> Fact<String> {
    Fact::from_text(format!(
        "arn:{}:logs:{}:{}:log-group:{name}",
        object.place.partition, object.place.region, object.place.account
    ))
}

fn group(objects: &Objects, object: &Object) -> LogGroup {
    let names: Vec<String> = object.get("name").as_str().map(str::to_owned).into_iter().collect();
    LogGroup {
        origin: object.origin.clone(),
        name: object.text("name"),
        arn: object.text("arn").map(|arn| arn.trim_end_matches(":*").to_owned()),
        account: object.account(),
        region: object.region(),
        key: object.maybe("kms_key_id"),
        // 0 is for ever.
        retention_days: object::number(&object.get("retention_in_days")).map(|days| days.filter(|days| *days > 0)),
        subscriptions: objects
            .belonging("aws_cloudwatch_log_subscription_filter", "log_group_name", &names)
            .map(subscription)
            .collect(),
        more_subscriptions: object.not_read("logs:DescribeSubscriptionFilters"),
    }
}

fn subscription(object: &Object) -> Subscription {
    Subscription {
        origin: object.origin.clone(),
        destination: object.text("destination_arn"),
        pattern: object.text("filter_pattern"),
    }
}

fn secret(objects: &Objects, object: &Object) -> Secret {
    let policy = match objects.belonging("aws_secretsmanager_secret_policy", "secret_arn", &arns(object)).next() {
        Some(own) => own.policy("policy"),
        None if object.configures("policy") || !object.created() => object.policy("policy"),
        None => None,
    };
    let replicas = object.get("replica").items().iter().map(|one| one.get("region")).collect();
    Secret {
        origin: object.origin.clone(),
        name: object.text("name"),
        arn: object.text("arn"),
        key: object.maybe("kms_key_id"),
        policy,
        replicas: if object.created() && !object.configures("replica") {
            Fact::Known(Vec::new())
        } else {
            object::list(&super::super::value::Value::List(replicas))
        },
    }
}
