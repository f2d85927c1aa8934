export default {
  routes: [{ uri: 'hello', upstream: 'http://127.0.0.1:3000' }, { uri: '/b', upstream_id: 'nothing' }],
}
