//! The request of one notification: its address, login and body. Reads the files with secrets, so it blocks.

use secrecy::ExposeSecret as _;

use super::batch::Batch;
use super::origin::Origin;
use super::receiver::{Destination, Receiver, read_token};
use super::{alertmanager, ntfy, telegram, webhook};
use crate::web_client::{Url, WebError, WebRequest};

/// `wall`: seconds since the epoch. Blocks while files are read.
pub(super) fn request(
    receiver: &Receiver,
    batch: &Batch,
    origin: &Origin,
    wall: f64,
) -> Result<WebRequest, WebError> {
    let (url, body) = match &receiver.destination {
        Destination::Webhook(address) => {
            let body = webhook::payload(batch, &receiver.name, origin);
            (address.read()?, body)
        }
        Destination::Ntfy(address) => {
            let url = address.read()?;
            let (root, topic) = url.split_last();
            let body = ntfy::payload(batch, topic, origin);
            (root, body)
        }
        Destination::Telegram {
            api,
            token_file,
            chat_id,
        } => {
            let token = read_token(token_file)?;
            let path = format!("/bot{}/sendMessage", token.expose_secret());
            let url = with_path(api, &path, "the token")?;
            (url, telegram::payload(batch, chat_id))
        }
        Destination::Alertmanager(address) => {
            let url = with_path(&address.read()?, "/api/v2/alerts", "the address")?;
            (url, alertmanager::payload(batch, origin, wall))
        }
    };
    Ok(WebRequest {
        url,
        authorization: receiver.login.read()?,
        content_type: "application/json",
        body,
    })
}

fn with_path(url: &Url, path: &str, what: &str) -> Result<Url, WebError> {
    url.with_path(path).ok_or_else(|| WebError::Credentials {
        problem: format!("{what} has characters that an address cannot have"),
    })
}
