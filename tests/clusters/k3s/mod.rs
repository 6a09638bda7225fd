//! K3s on a machine that a real ssh client and a real sshd reach; of the machine only K3s, its
//! installer and what tells of the machine are stand-ins.

mod apart;
mod creds;
mod door;
mod drift;
mod foreign;
mod images;
mod install;
mod meeting;
mod remove;
mod route;
mod site;
mod survey;
mod tunnel;
mod unfit;
mod watched;
