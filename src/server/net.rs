//! Connections: encrypted where certificates are given, so many at a time, none for ever without a
//! word.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use estate::UserId;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::GRACE;
use super::limits::network;
use super::streams::Streams;
use crate::failure::Failure;

/// How many connections there may be; the others wait to be accepted.
const CONNECTIONS: usize = 1_024;
/// How many of them may come from one network.
const EACH: usize = 128;
/// Connections that a user keeps without a whole request here, when others need room.
const IDLE_PER_USER: usize = 32;
/// How long whoever connects may take to say what they want, encryption included; and to say the
/// next thing.
const HELLO: Duration = Duration::from_secs(5);
const HEADERS: Duration = Duration::from_secs(10);
/// How many headers a request may have, and how large its head may be.
const MOST_HEADERS: usize = 64;
const HEAD: usize = 32 * 1024;
/// How long an answer may wait for whoever is to read it.
const UNREAD: Duration = Duration::from_secs(30);
/// How often it is looked whether the certificates were renewed.
const LOOK: Duration = Duration::from_secs(1);
/// Who says that a request came to them from elsewhere, and from where.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// How long to wait when the system has no room for another connection.
const ROOM: Duration = Duration::from_millis(100);

/// The files of a certificate and its key (PEM).
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The certificate, and those that vouch for it.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

/// Connections that may be closed to make room for others: those that have no whole request here.
///
/// Those of unknown clients go first, then those of users with many, longest waiting first. A
/// connection whose request has arrived is never closed, however long its answer takes.
#[derive(Default)]
struct Evictable {
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    /// The last number given.
    last: AtomicU64,
    /// Notified when a connection begins to wait.
    changed: Notify,
}

/// A connection that waits for a request, or for the rest of one.
struct Waiting {
    closing: Arc<Notify>,
    user: Option<UserId>,
}

impl Evictable {
    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the connection that others need least. Returns false if there is none.
    fn close_one(&self) -> bool {
        let mut waiting = self.waiting();
        let Some(number) = least_needed(&waiting) else { return false };
        let closed = waiting.remove(&number);
        closed.map(|connection| connection.closing.notify_one()).is_some()
    }
}

/// Returns the number of the connection that makes room: an unknown client's, or one of the user
/// who has the most above the number that each may keep.
fn least_needed(waiting: &BTreeMap<u64, Waiting>) -> Option<u64> {
    let mut counts = HashMap::<UserId, usize>::new();
    for (number, connection) in waiting {
        match connection.user {
            None => return Some(*number),
            Some(user) => *counts.entry(user).or_default() += 1,
        }
    }
    let (user, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    let mut of_user = waiting.iter().filter(|(_, connection)| connection.user == Some(user));
    of_user.next().filter(|_| count > IDLE_PER_USER).map(|(number, _)| *number)
}

/// The state of a connection, as far as it decides which ones make room for others.
#[derive(Clone)]
pub(super) struct Connection(Arc<ConnectionState>);

struct ConnectionState {
    all: Arc<Evictable>,
    closing: Arc<Notify>,
    /// Its number among those that wait, counted from 1.
    number: AtomicU64,
    /// The user of its last request that was signed in.
    user: Mutex<Option<UserId>>,
}

impl Connection {
    /// Registers a connection, which waits for a request.
    fn new(all: &Arc<Evictable>) -> Self {
        let (all, (closing, number, user)) = (Arc::clone(all), Default::default());
        let connection = Self(Arc::new(ConnectionState { all, closing, number, user }));
        connection.wait();
        connection
    }

    /// Records the user. The connection counts as theirs, also while it sends a request.
    pub(super) fn sign_in(&self, user: UserId) {
        let mut waiting = self.0.all.waiting();
        *self.0.user.lock().unwrap_or_else(PoisonError::into_inner) = Some(user);
        if let Some(connection) = waiting.get_mut(&self.0.number.load(Ordering::Relaxed)) {
            connection.user = Some(user);
        }
    }

    /// Marks that a request has arrived whole.
    fn busy(&self) {
        self.0.all.waiting().remove(&self.0.number.load(Ordering::Relaxed));
    }

    /// Marks that the request was answered, and another one is waited for.
    fn wait(&self) {
        let all = &self.0.all;
        let mut waiting = all.waiting();
        let number = all.last.fetch_add(1, Ordering::Relaxed) + 1;
        waiting.remove(&self.0.number.swap(number, Ordering::Relaxed));
        let user = *self.0.user.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(number, Waiting { closing: Arc::clone(&self.0.closing), user });
        all.changed.notify_one();
    }
}

impl Drop for ConnectionState {
    fn drop(&mut self) {
        self.all.waiting().remove(self.number.get_mut());
    }
}

/// The body of a request, which tells the connection when it has arrived whole.
struct RequestBody {
    body: Incoming,
    connection: Connection,
}

impl RequestBody {
    fn new(body: Incoming, connection: Connection) -> Self {
        if body.is_end_stream() {
            connection.busy();
        }
        Self { body, connection }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() || self.body.is_end_stream() {
            self.connection.busy();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer, which tells the connection when it has been sent.
struct ResponseBody {
    body: Body,
    connection: Connection,
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.connection.wait();
    }
}

/// What encrypts, as the files were when they were last looked at.
struct Encryption {
    files: Certificates,
    now: Mutex<(Arc<ServerConfig>, [Option<SystemTime>; 2], std::time::Instant)>,
}

/// Refuses a key that every user of this machine can read.
#[cfg(unix)]
fn check_mode(key: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(key).map_or(0, |file| file.permissions().mode());
    let others = mode & 0o007;
    if others == 0 {
        return Ok(());
    }
    let path = key.display();
    Err(Failure::Config(format!(
        "{path}: every user of this machine can read this key: chmod 600 {path}"
    )))
}

#[cfg(not(unix))]
fn check_mode(_: &Path) -> Result<(), Failure> {
    Ok(())
}

fn read(files: &Certificates) -> Result<Arc<ServerConfig>, Failure> {
    let bad = |path: &Path, why: String| Failure::Config(format!("{}: {why}", path.display()));
    check_mode(&files.key)?;
    crate::tls::install();
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&files.chain).and_then(Iterator::collect);
    let chain =
        chain.map_err(|e| bad(&files.chain, format!("cannot be read as certificates (PEM): {e}")))?;
    if chain.is_empty() {
        return Err(bad(&files.chain, "holds no certificate".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|e| bad(&files.key, format!("cannot be read as a private key (PEM): {e}")))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| bad(&files.chain, e.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

impl Certificates {
    fn modification_times(&self) -> [Option<SystemTime>; 2] {
        [&self.chain, &self.key].map(|path| std::fs::metadata(path).and_then(|file| file.modified()).ok())
    }
}

impl Encryption {
    fn new(files: Certificates) -> Result<Self, Failure> {
        let now = Mutex::new((read(&files)?, files.modification_times(), std::time::Instant::now()));
        Ok(Self { files, now })
    }

    /// What encrypts now: read anew when the files were renewed, and as before when they cannot be
    /// read.
    fn acceptor(&self) -> TlsAcceptor {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if now.2.elapsed() >= LOOK {
            now.2 = std::time::Instant::now();
            let changed = self.files.modification_times();
            if changed != now.1 {
                match read(&self.files) {
                    Ok(config) => {
                        (now.0, now.1) = (config, changed);
                        tracing::info!("the certificates were read anew");
                    }
                    Err(error) => tracing::error!(%error, "the certificates stay as they were"),
                }
            }
        }
        TlsAcceptor::from(Arc::clone(&now.0))
    }
}

/// From where a request comes: the other end of the line, or where that says it does, as far back
/// as those who say so are proxies that are believed. What stands further left anybody may have
/// written.
fn origin(line: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let mut from = line.to_canonical();
    let lines = headers.get_all(FORWARDED_FOR).iter().rev().map(|line| line.to_str().unwrap_or_default());
    for said in lines.flat_map(|line| line.rsplit(',')).map(str::trim) {
        let at = said.parse().or_else(|_| said.parse().map(|at: SocketAddr| at.ip()));
        match at {
            Ok(at) if proxies.contains(&from) => from = at.to_canonical(),
            _ => break,
        }
    }
    from
}

/// Where connections come from.
pub(super) struct Net {
    listener: TcpListener,
    encryption: Option<Arc<Encryption>>,
    room: Arc<Semaphore>,
    proxies: Arc<[IpAddr]>,
}

impl Net {
    /// Listens.
    pub(super) async fn bind(
        at: SocketAddr,
        files: Option<Certificates>,
        proxies: &[IpAddr],
    ) -> Result<Self, Failure> {
        let encryption = files.map(Encryption::new).transpose()?.map(Arc::new);
        let proxies = proxies.iter().map(IpAddr::to_canonical).collect();
        let listener =
            TcpListener::bind(at).await.map_err(|e| Failure::io(format!("cannot listen on {at}"), e))?;
        Ok(Self { listener, encryption, room: Arc::new(Semaphore::new(CONNECTIONS)), proxies })
    }

    /// Where that is, as an address.
    pub(super) fn url(&self) -> Result<String, Failure> {
        let at = self.listener.local_addr().map_err(|e| Failure::io("cannot listen", e))?;
        Ok(format!("{}://{at}", if self.encryption.is_some() { "https" } else { "http" }))
    }

    /// Serves until `end` comes, then lets what runs come to its end.
    pub(super) async fn serve(self, router: Router, end: impl Future<Output = ()>) {
        let graceful = GracefulShutdown::new();
        let (each, evictable): (Arc<Streams<IpAddr>>, Arc<Evictable>) = Default::default();
        let router =
            if self.encryption.is_some() { router.layer(map_response(require_tls)) } else { router };
        let mut end = std::pin::pin!(end);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = &mut end => break,
            };
            let (stream, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be accepted");
                    tokio::time::sleep(ROOM).await;
                    continue;
                }
            };
            // Whoever opens many leaves room for others; behind a proxy all come from that.
            let at = from.ip().to_canonical();
            let most = if self.proxies.contains(&at) || at.is_loopback() { usize::MAX } else { EACH };
            let Ok(one) = Streams::begin(&each, network(at), most) else { continue };
            let room = tokio::select! {
                room = find_room(&self.room, &evictable) => room,
                () = &mut end => break,
            };
            let connection = Connection::new(&evictable);
            let closing = Arc::clone(&connection.0.closing);
            let (watcher, router) = (graceful.watcher(), router.clone());
            let encryption = self.encryption.clone();
            let line = Line { from, proxies: Arc::clone(&self.proxies), connection };
            tokio::spawn(async move {
                let _room = (room, one);
                let _ = stream.set_nodelay(true);
                let spoken = async {
                    match encryption {
                        None => serve_http(stream, line, router, watcher).await,
                        Some(encryption) => serve_tls(stream, line, &encryption, router, watcher).await,
                    }
                };
                tokio::select! {
                    () = spoken => {}
                    () = closing.notified() => {}
                }
            });
        }
        drop(self.listener);
        // Whoever does not read their answer is not waited for without end.
        let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
    }
}

/// Waits for room for a connection. Where there is none, one that may be closed makes room, now or
/// as soon as there is one.
async fn find_room(room: &Arc<Semaphore>, evictable: &Evictable) -> Option<OwnedSemaphorePermit> {
    let mut is_closing = false;
    loop {
        is_closing = is_closing || (room.available_permits() == 0 && evictable.close_one());
        tokio::select! {
            permit = Arc::clone(room).acquire_owned() => return permit.ok(),
            () = evictable.changed.notified() => {}
        }
    }
}

type Watcher = hyper_util::server::graceful::Watcher;
/// The other end of a connection.
struct Line {
    from: SocketAddr,
    /// Proxies that are believed when they say that a request comes from elsewhere.
    proxies: Arc<[IpAddr]>,
    connection: Connection,
}

/// Tells browsers to come back encrypted only (RFC 6797).
async fn require_tls(mut response: Response) -> Response {
    let year = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, year);
    response
}

async fn serve_tls(
    stream: TcpStream,
    line: Line,
    encryption: &Encryption,
    router: Router,
    watcher: Watcher,
) {
    // Whoever says nothing, or nothing that can be understood, is hung up on.
    if let Ok(Ok(stream)) = tokio::time::timeout(HELLO, encryption.acceptor().accept(stream)).await {
        serve_http(stream, line, router, watcher).await;
    }
}

async fn serve_http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    line: Line,
    router: Router,
    watcher: Watcher,
) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(UNREAD));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let connection = line.connection.clone();
        let arriving = connection.clone();
        let mut request: Request = request.map(|body| Body::new(RequestBody::new(body, arriving)));
        let from = origin(line.from.ip(), request.headers(), &line.proxies);
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(from, line.from.port())));
        request.extensions_mut().insert(connection.clone());
        let answered = router.clone().oneshot(request);
        async move {
            let response = answered.await?;
            Ok::<_, Infallible>(response.map(|body| Body::new(ResponseBody { body, connection })))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let _ = watcher.watch(connection).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[test]
    fn where_a_request_comes_from_is_said_by_proxies_that_are_believed_and_by_nobody_else() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("address");
        let proxies = [ip("127.0.0.1"), ip("10.0.0.2")];
        let from = |line: &str, said: &[&str]| {
            let values = said.iter().map(|said| (FORWARDED_FOR, said.parse().expect("value")));
            origin(ip(line), &values.collect(), &proxies).to_string()
        };
        assert_eq!(from("198.51.100.7", &["203.0.113.9"]), "198.51.100.7");
        assert_eq!(from("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(from("127.0.0.1", &["1.2.3.4, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("::ffff:127.0.0.1", &["1.2.3.4", "203.0.113.9 ,10.0.0.2"]), "203.0.113.9");
        assert_eq!(from("127.0.0.1", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(from("127.0.0.1", &["203.0.113.9, unknown"]), "127.0.0.1");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_does_not_read_their_answer_is_hung_up_on() {
        let (mut near, far) = tokio::io::duplex(1_024);
        let router = Router::new().fallback(async || "x".repeat(100_000));
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let connection = Connection::new(&Arc::default());
        let line = Line { from, proxies: Arc::from([]), connection };
        let began = tokio::time::Instant::now();
        near.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("asked");
        serve_http(far, line, router, GracefulShutdown::new().watcher()).await;
        assert_eq!(began.elapsed().as_secs(), UNREAD.as_secs());
    }

    fn permit(file: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).expect("set");
    }

    #[test]
    fn a_key_that_every_user_can_read_is_refused() {
        let dir = tempfile::tempdir().expect("folder");
        let key = dir.path().join("key.pem");
        std::fs::write(&key, "key").expect("written");
        permit(&key, 0o644);
        let why = check_mode(&key).expect_err("refused").to_string();
        assert!(why.contains("chmod 600") && why.contains("key.pem"), "{why}");
        for mode in [0o600, 0o640] {
            permit(&key, mode);
            check_mode(&key).expect("private");
        }
    }

    fn is_closing(connection: &Connection) -> bool {
        std::pin::pin!(connection.0.closing.notified()).as_mut().enable()
    }

    #[test]
    fn unknown_clients_make_room_first_then_users_with_many_connections() {
        let all = Arc::<Evictable>::default();
        let [known, unknown, ended] = [(); 3].map(|()| Connection::new(&all));
        known.sign_in(UserId(1));
        drop(ended);
        assert!(all.close_one() && is_closing(&unknown));
        assert!(!all.close_one(), "one is signed in, one has ended");
        let many = [(); IDLE_PER_USER + 2].map(|()| {
            let connection = Connection::new(&all);
            connection.busy();
            connection.sign_in(UserId(2));
            connection
        });
        assert!(!all.close_one(), "their requests are here");
        for connection in &many {
            connection.wait();
        }
        assert!(all.close_one() && all.close_one() && !all.close_one());
        assert_eq!(many.iter().map(is_closing).filter(|closing| *closing).count(), 2);
        assert!(!is_closing(&known));
    }

    #[tokio::test]
    async fn a_connection_makes_room_while_it_sends_and_not_once_its_request_is_here() {
        let (mut near, far) = tokio::io::duplex(1_024);
        let (all, [arrived, answer]) =
            (Arc::<Evictable>::default(), [(); 2].map(|()| Arc::new(Notify::new())));
        let (here, go) = (Arc::clone(&arrived), Arc::clone(&answer));
        let router = Router::new().fallback(async move |body: Bytes| {
            here.notify_one();
            go.notified().await;
            body
        });
        let from = SocketAddr::from(([127, 0, 0, 1], 1));
        let line = Line { from, proxies: Arc::from([]), connection: Connection::new(&all) };
        let graceful = GracefulShutdown::new();
        tokio::spawn(serve_http(far, line, router, graceful.watcher()));
        let count = || all.waiting().len();
        // Twice on one connection: it waits again in between.
        for body in ["Content-Length: 4\r\n\r\nbo", "Transfer-Encoding: chunked\r\n\r\n4\r\nbo"] {
            let rest = if body.starts_with('C') { "dy" } else { "dy\r\n0\r\n\r\n" };
            assert_eq!(count(), 1, "it waits for a request");
            write(&mut near, &format!("POST / HTTP/1.1\r\nHost: x\r\n{body}")).await;
            assert_eq!(count(), 1, "half a body is here: {body}");
            write(&mut near, rest).await;
            arrived.notified().await;
            assert!(!all.close_one(), "the request waits for its answer");
            answer.notify_one();
            let mut heard = Vec::new();
            while !heard.ends_with(b"body") {
                near.read_buf(&mut heard).await.expect("an answer");
            }
            while count() == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn write(near: &mut tokio::io::DuplexStream, text: &str) {
        near.write_all(text.as_bytes()).await.expect("sent");
        tokio::task::yield_now().await;
    }

    #[tokio::test]
    async fn a_connection_that_begins_to_wait_makes_room_for_one_that_waited_for_it() {
        let (all, room) = (Arc::<Evictable>::default(), Arc::new(Semaphore::new(1)));
        let (permit, busy) = (Arc::clone(&room).acquire_owned().await, Connection::new(&all));
        busy.busy();
        let finding = tokio::spawn({
            let (all, room) = (Arc::clone(&all), Arc::clone(&room));
            async move { find_room(&room, &all).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!finding.is_finished());
        busy.wait();
        busy.0.closing.notified().await;
        drop(permit);
        assert!(finding.await.expect("found"));
    }

    #[test]
    fn a_certificate_that_cannot_be_read_leaves_the_one_there_was() {
        let dir = tempfile::tempdir().expect("folder");
        let files = Certificates { chain: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
        let certify = || {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("made");
            std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("key");
            permit(&files.key, 0o600);
            std::fs::write(&files.chain, made.cert.pem()).expect("certificate");
        };
        certify();
        let encryption = Encryption::new(files.clone()).expect("read");
        let config = || Arc::as_ptr(&encryption.now.lock().expect("lock").0);
        let looked = || {
            let mut now = encryption.now.lock().expect("lock");
            // As if it had been looked at long ago, and the files were others then.
            (now.1, now.2) = ([None, None], now.2.checked_sub(LOOK).expect("long ago"));
            drop(now);
            let _ = encryption.acceptor();
        };
        let first = config();
        std::fs::write(&files.chain, "rubbish").expect("broken");
        looked();
        assert_eq!(config(), first);
        certify();
        looked();
        assert_ne!(config(), first);
    }
}
