export default {
  routes: [,
}}
