// One button: a microphone in, a talking person out. The token is in the address behind # and leaves it only
// as a header of requests to this very server.
const find = (id) => document.getElementById(id);
const RETRY_MS = 1500;
const GATHER_MS = 2000;
const IDLE = find('idle').textContent;

let token = '';
let wanted = false;      // what the button says
let connection = null;
let microphone = null;
let retry = 0;
let watch = 0;
let seen = null;         // frames decoded at the last look

function take_token() {
  const found = new URLSearchParams(location.hash.slice(1)).get('token');
  if (found) {
    token = found;
    history.replaceState(null, '', location.pathname);
    sessionStorage.setItem('token', token);
  } else {
    token = sessionStorage.getItem('token') || '';
  }
}

async function ask(path, body) {
  const headers = { authorization: `Bearer ${token}` };
  if (body) headers['content-type'] = 'application/json';
  const asked = fetch(`api/v1/${path}`, { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) });
  const answer = await asked.catch(() => {
    throw new Error('The server does not answer. Is it still running?');
  });
  const content = await answer.json().catch(() => ({}));
  if (answer.ok) return content;
  const failure = new Error(answer.status === 401
    ? 'The token is not valid: open the address that mimictalk stream has printed.'
    : content.error ? `${content.error.cause}. ${content.error.cure || ''}` : `The server says ${answer.status}.`);
  failure.final = answer.status === 401 || answer.status === 422;
  throw failure;
}

function say(text) {
  find('message').textContent = text;
  find('message').hidden = !text;
}

function show(state, text) {
  find('connection').dataset.state = state;
  find('connection').textContent = text;
}

async function hear() {
  if (!find('microphone').checked) return null;
  if (microphone && microphone.getTracks().every((track) => track.readyState === 'live')) return microphone;
  return navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 } });
}

function gathered(peer) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHER_MS);
    const look = () => {
      if (peer.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      resolve();
    };
    peer.addEventListener('icegatheringstatechange', look);
    look();
  });
}

async function connect() {
  show('waiting', 'connecting');
  const state = await ask('state');
  microphone = await hear();
  if (!wanted) return release();
  const peer = new RTCPeerConnection({ iceServers: state.ice_servers.map((urls) => ({ urls })) });
  connection = peer;
  const stream = new MediaStream();
  peer.addTransceiver('video', { direction: 'recvonly' });
  if (microphone) peer.addTransceiver(microphone.getAudioTracks()[0], { direction: 'sendrecv' });
  else peer.addTransceiver('audio', { direction: 'recvonly' });
  peer.addEventListener('track', (event) => {
    stream.addTrack(event.track);
    find('video').srcObject = stream;
  });
  peer.addEventListener('connectionstatechange', () => changed(peer));
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  const answer = await ask('offer', { type: 'offer', sdp: peer.localDescription.sdp });
  if (connection === peer) await peer.setRemoteDescription(answer);
}

function changed(peer) {
  if (peer !== connection) return;
  if (peer.connectionState === 'connected') {
    show('on', 'live');
    find('idle').hidden = true;
    say('');
  } else if (['failed', 'disconnected', 'closed'].includes(peer.connectionState)) {
    again();
  }
}

function wait(text) {
  find('idle').textContent = text;
  find('idle').hidden = false;
  find('figures').hidden = true;
}

function hang_up() {
  if (connection) connection.close();
  connection = null;
  find('video').srcObject = null;
}

function again() {
  hang_up();
  clearTimeout(retry);
  if (!wanted) return;
  show('waiting', 'connecting again');
  wait('One moment.');
  retry = setTimeout(() => connect().catch(failed), RETRY_MS);
}

function failed(error) {
  if (!wanted) return;
  if (error.name === 'NotAllowedError' || error.name === 'NotFoundError') {
    stop();
    say('There is no microphone, or it was not allowed. Without one you can still watch.');
  } else if (error.final) {
    stop();
    say(error.message);
  } else {
    say(error.message);
    again();
  }
}

function release() {
  if (microphone) microphone.getTracks().forEach((track) => track.stop());
  microphone = null;
}

function stop() {
  wanted = false;
  clearTimeout(retry);
  clearInterval(watch);
  hang_up();
  release();
  find('toggle').textContent = 'Start';
  wait(IDLE);
  find('microphone').disabled = false;
  show('off', 'stopped');
}

function start() {
  wanted = true;
  seen = null;
  say('');
  wait('One moment.');
  find('toggle').textContent = 'Stop';
  find('microphone').disabled = true;
  watch = setInterval(() => look().catch(() => {}), 1000);
  connect().catch(failed);
}

async function look() {
  const state = await ask('state');
  if (!wanted || find('connection').dataset.state !== 'on') return;
  find('figures').hidden = false;
  find('avatar').textContent = state.avatar;
  find('delay').textContent = `${state.delay.toFixed(2)} s`;
  find('speaking').textContent = state.speaking || 'nobody';
  find('viewers').textContent = String(state.viewers);
  find('size').textContent = `${state.size} × ${state.size}`;
  const quality = find('video').getVideoPlaybackQuality();
  const now = { frames: quality.totalVideoFrames, time: performance.now() };
  if (seen) {
    const rate = Math.min(state.fps, Math.max(0, (now.frames - seen.frames) / (now.time - seen.time) * 1000));
    find('rate').textContent = `${rate.toFixed(0)} of ${state.fps}`;
  }
  seen = now;
}

take_token();
find('video').muted = true;
find('toggle').addEventListener('click', () => (wanted ? stop() : start()));
find('loud').addEventListener('change', () => { find('video').muted = !find('loud').checked; });
window.addEventListener('pagehide', stop);
