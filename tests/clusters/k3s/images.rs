//! An image of this machine's engine on the other machine, streamed over ssh.

use mlup::drivers::cluster::ClusterDriver;

use super::site::Site;
use crate::clusters::images::driver_in;
use crate::support::{DockerGuard, IMAGE, require_docker};

#[tokio::test]
async fn an_image_is_streamed_there_and_looked_for_afterwards() {
    require_docker!();
    // Builds the image where it is not there yet.
    let _guard = DockerGuard::new();
    let site = Site::with_docker();
    site.run(&["start"]).exits(0);
    let (driver, bench) = driver_in(&site.sandbox);
    assert_eq!(driver.list_images(&bench).await, Ok(Vec::new()));
    driver.load_image(&bench, IMAGE).await.unwrap();
    let names: Vec<String> =
        driver.list_images(&bench).await.unwrap().into_iter().map(|image| image.name).collect();
    assert_eq!(names, [IMAGE]);
    let failure = driver.load_image(&bench, "mlup-test-nowhere:1").await.unwrap_err();
    assert_eq!(driver.list_images(&bench).await.unwrap().len(), 1, "{failure:?}");
    bench.host.ssh.close(&*bench.host.runner).await;
}
