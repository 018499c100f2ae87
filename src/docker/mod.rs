//! The container engine: images, networks, containers, and whose they are. The only module that knows its API; what
//! others see of it are types of our own.

mod archive;
mod container;
mod engine;
mod error;
mod image;
mod leftovers;
mod limits;
mod made;
mod network;
mod owner;
mod sidecar;
mod subnet;
mod watch;

pub use container::{Bind, ContainerPlan, ContainerState, Followed};
pub use engine::{Engine, EngineInfo};
pub use error::DockerError;
pub use image::{Image, ImageSource, image_name};
pub use leftovers::Ours;
pub use limits::CpuUse;
pub use made::{Made, MadeList, made_file};
pub use owner::{Owner, Standing};
pub use sidecar::{Sidecar, SidecarPlan};
pub use subnet::{Subnet, candidates};
pub use watch::EngineWatch;
