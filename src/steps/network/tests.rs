//! Differences as data, and networks on a real engine.

use super::*;
use crate::config::fixture;

fn network(name: &str, subnet: Option<&str>, gateway: Option<&str>) -> Network {
    Network {
        subnet: subnet.map(str::to_owned),
        gateway: gateway.map(str::to_owned),
        ..fixture::network(name)
    }
}

fn found(driver: &str, subnet: &str, gateway: &str) -> NetworkInspect {
    let pool = IpamConfig {
        subnet: Some(subnet.to_owned()),
        gateway: Some(gateway.to_owned()),
        ..IpamConfig::default()
    };
    NetworkInspect {
        driver: Some(driver.to_owned()),
        ipam: Some(Ipam { config: Some(vec![pool]), ..Ipam::default() }),
        ..NetworkInspect::default()
    }
}

#[test]
fn only_what_is_configured_is_compared() {
    let found = found("bridge", "172.20.0.0/16", "172.20.0.1");
    assert!(differences(&network("n", None, None), &found).is_empty());
    assert!(differences(&network("n", Some("172.20.0.0/16"), None), &found).is_empty());
}

#[test]
fn a_difference_shows_both_sides() {
    let found = found("macvlan", "172.20.0.0/16", "172.20.0.1");
    assert_eq!(
        differences(&network("n", Some("10.1.0.0/16"), Some("10.1.0.1")), &found),
        [
            "driver: wanted bridge, found macvlan",
            "subnet: wanted 10.1.0.0/16, found 172.20.0.0/16",
            "gateway: wanted 10.1.0.1, found 172.20.0.1",
        ]
    );
}

#[test]
fn one_address_written_in_two_ways_is_the_same() {
    assert!(same_address("fd00::/64", "fd00:0::/64"));
    assert!(!same_address("10.0.0.0/8", "10.0.0.0/16"));
}

mod docker_tests {
    use super::*;
    use crate::host::testing::engine::{clean_up, docker, unique};
    use crate::steps::testing::TestBed;

    struct Cleanup(String);

    impl Drop for Cleanup {
        fn drop(&mut self) {
            clean_up(&["network", "rm", &self.0]);
        }
    }

    #[tokio::test]
    async fn is_created_labelled_used_and_removed() {
        let bed = TestBed::new();
        let mut wanted = network(&unique("network"), Some("10.213.11.0/24"), Some("10.213.11.1"));
        wanted.labels.insert("team".to_owned(), "ml".to_owned());
        let _cleanup = Cleanup(wanted.name.clone());
        assert!(matches!(probe(&wanted, &bed.ctx).await.unwrap(), Probed::Needed(_)));
        apply(&wanted, &bed.ctx).await.unwrap();
        let settled = verify(&wanted, &bed.ctx).await.unwrap();
        assert_eq!(settled.detail, "bridge, 10.213.11.0/24");
        let found = inspect(&wanted.name, &bed.ctx).await.unwrap().unwrap();
        let labels = found.network.labels.unwrap();
        assert_eq!(labels["team"], "ml");
        assert_eq!(labels[ownership::PROJECT], "mlup-test");

        assert!(remove(&wanted, &bed.ctx, Teardown::Stop).await.unwrap().is_empty());
        assert_eq!(remove(&wanted, &bed.ctx, Teardown::Reset).await.unwrap().len(), 1);
        assert!(inspect(&wanted.name, &bed.ctx).await.unwrap().is_none());
        assert!(remove(&wanted, &bed.ctx, Teardown::Reset).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_foreign_one_with_other_settings_is_refused_and_kept() {
        let bed = TestBed::new();
        let name = unique("network");
        let _cleanup = Cleanup(name.clone());
        docker(&["network", "create", "--subnet", "10.213.8.0/24", &name]);
        let wanted = network(&name, Some("10.213.9.0/24"), None);
        let failure = probe(&wanted, &bed.ctx).await.unwrap_err();
        assert_eq!((failure.class, failure.code), (Class::Refused, "NETWORK_DIFFERS"));
        assert_eq!(failure.evidence[0].text, "subnet: wanted 10.213.9.0/24, found 10.213.8.0/24");
        assert!(remove(&wanted, &bed.ctx, Teardown::Purge).await.unwrap().is_empty());
        assert!(inspect(&name, &bed.ctx).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn one_that_a_killed_start_has_just_made_is_taken_as_it_is() {
        let bed = TestBed::new();
        let wanted = network(&unique("network"), Some("10.213.12.0/24"), None);
        let _cleanup = Cleanup(wanted.name.clone());
        apply(&wanted, &bed.ctx).await.unwrap();
        apply(&wanted, &bed.ctx).await.unwrap();
        let client = bed.ctx.host.docker.client().await.unwrap();
        let filters = std::collections::HashMap::from([("name", vec![wanted.name.as_str()])]);
        let options = bollard::query_parameters::ListNetworksOptionsBuilder::default()
            .filters(&filters)
            .build();
        assert_eq!(client.list_networks(Some(options)).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn an_overlapping_subnet_is_explained() {
        let bed = TestBed::new();
        let name = unique("network");
        let _cleanup = Cleanup(name.clone());
        docker(&["network", "create", "--subnet", "10.213.10.0/24", &name]);
        let other = network(&unique("network"), Some("10.213.10.0/25"), None);
        let _other = Cleanup(other.name.clone());
        let failure = apply(&other, &bed.ctx).await.unwrap_err();
        assert_eq!(failure.code, "SUBNET_OVERLAP", "{failure:?}");
    }
}
