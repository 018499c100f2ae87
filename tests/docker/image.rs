//! The image that is made here, looked at with other eyes than ours.

use super::ground::{block_on, client, image, owner, source};
use bollard::query_parameters::RemoveImageOptions;
use std::time::Instant;
use testcontainers::core::{IntoContainerPort, WaitFor};
use testcontainers::runners::AsyncRunner;
use testcontainers::{GenericImage, ImageExt};
use vaultquake::docker::{Engine, ImageSource};
use vaultquake::server::{ServerBinary, read_version};
use vaultquake::vault::{Client, Endpoint};

pub fn has_the_same_id_whenever_it_is_made(binary: &ServerBinary) {
    block_on(async {
        let engine = Engine::connect().await.unwrap();
        // A name of its own: other tests may be using the real one.
        let source = ImageSource { product: format!("test-{}", std::process::id()), ..source(binary) };
        let mut ids = Vec::new();
        for _ in 0..2 {
            let began = Instant::now();
            let made = engine.build_image(&source, &mut |_| {}).await.unwrap();
            eprintln!("made {} in {:.1} s", made.name, began.elapsed().as_secs_f64());
            assert!(made.is_new);
            let again = engine.build_image(&source, &mut |_| panic!("nothing to do")).await.unwrap();
            assert!(!again.is_new && again.id == made.id);
            client().remove_image(&made.name, None::<RemoveImageOptions>, None).await.unwrap();
            ids.push(made.id);
        }
        assert_eq!(ids[0], ids[1]);
    });
}

/// Started by another library, without our configuration.
pub fn starts_a_server_that_answers(binary: &ServerBinary) {
    block_on(async {
        let made = image(binary).await;
        let (name, tag) = made.name.rsplit_once(':').unwrap();
        let container = GenericImage::new(name, tag)
            .with_exposed_port(8200.tcp())
            .with_wait_for(WaitFor::message_on_stdout("server started!"))
            .with_env_var("HOME", "/tmp")
            .with_cmd(["server", "-dev", "-dev-no-store-token", "-dev-listen-address=0.0.0.0:8200"])
            .start()
            .await
            .unwrap();
        let port = container.get_host_port_ipv4(8200).await.unwrap();
        let client = Client::new(&Endpoint::new(&format!("http://127.0.0.1:{port}"), None).unwrap()).unwrap();
        let health = client.get("sys/health").await.unwrap();
        assert_eq!(health.body["version"], binary.version.as_str());
    });
}

pub fn says_by_name_which_server_it_holds(binary: &ServerBinary) {
    block_on(async {
        let made = image(binary).await;
        let engine = Engine::connect().await.unwrap();
        let named = engine.named_image(&made.name, &mut |_| panic!("it is here")).await.unwrap();
        assert_eq!(named.id, made.id);
        let place = tempfile::tempdir().unwrap();
        let owner = owner(place.path().to_owned());
        let program = binary.product.binary();
        let said = engine.ask_image(&owner, &named, program, "version").await.unwrap().unwrap();
        assert_eq!(read_version(&said), Some((binary.product, binary.version.clone())), "{said}");
        assert_eq!(engine.ask_image(&owner, &named, "not-there", "version").await.unwrap(), None);
        assert_eq!(super::ground::of_run(&owner.run_id).await, [""; 0]);
    });
}
