/**
 * The fields of the messages that the importer knows, by Envoy's API of 1.40: each a name, with the message that it holds
 * behind a colon, `Any` for one that says itself what it is, and `{}` for a map of them. Fields without a message are
 * scalars, or messages into which the importer does not look.
 *
 * Envoy refuses a static configuration with a field that it does not know, so such a field is a mistake, and told apart
 * from one that has no equal here.
 */
export const MESSAGES = {
  // envoy.config.bootstrap.v3
  Bootstrap: `
    node node_context_params static_resources:StaticResources dynamic_resources cluster_manager hds_config
    flags_path stats_sinks deferred_stat_options stats_config stats_flush_interval stats_flush_on_admin
    stats_eviction_interval watchdog watchdogs tracing layered_runtime admin:Admin overload_manager
    enable_dispatcher_stats header_prefix stats_server_version_override use_tcp_for_dns_lookups
    dns_resolution_config typed_dns_resolver_config bootstrap_extensions fatal_actions config_sources
    default_config_source default_socket_interface certificate_provider_instances inline_headers
    perf_tracing_file_path default_regex_engine xds_delegate_extension xds_config_tracker_extension listener_manager
    application_log_config grpc_async_client_manager_config memory_allocator_manager enable_worker_cpu_affinity`,
  StaticResources: `listeners:Listener clusters:Cluster secrets:Secret`,
  Admin: `
    access_log:AccessLog access_log_path profile_path address:Address socket_options ignore_global_conn_limit
    allow_paths:StringMatcher`,
  // envoy.config.listener.v3
  Listener: `
    name address:Address additional_addresses stat_prefix filter_chains:FilterChain fcds_config filter_chain_matcher
    use_original_dst default_filter_chain:FilterChain per_connection_buffer_limit_bytes
    per_connection_buffer_high_watermark_timeout metadata deprecated_v1 drain_type listener_filters:ListenerFilter
    listener_filters_timeout continue_on_listener_filters_timeout transparent freebind socket_options
    tcp_fast_open_queue_length traffic_direction udp_listener_config api_listener connection_balance_config
    reuse_port enable_reuse_port access_log:AccessLog tcp_backlog_size max_connections_to_accept_per_socket_event
    bind_to_port internal_listener enable_mptcp ignore_global_conn_limit bypass_overload_manager tcp_keepalive`,
  FilterChain: `
    filter_chain_match:FilterChainMatch filters:NetworkFilter use_proxy_proto metadata
    transport_socket:TransportSocket transport_socket_connect_timeout name`,
  FilterChainMatch: `
    destination_port prefix_ranges address_suffix suffix_len direct_source_prefix_ranges source_type
    source_prefix_ranges source_ports server_names transport_protocol application_protocols`,
  NetworkFilter: `name typed_config:Any config_discovery`,
  ListenerFilter: `name typed_config:Any config_discovery filter_disabled`,
  // envoy.extensions.filters.network.http_connection_manager.v3
  HttpConnectionManager: `
    codec_type stat_prefix rds route_config:RouteConfiguration scoped_routes http_filters:HttpFilter add_user_agent
    tracing common_http_protocol_options:CommonHttpProtocolOptions http1_safe_max_connection_duration
    http_protocol_options:Http1ProtocolOptions http2_protocol_options:Http2ProtocolOptions http3_protocol_options
    server_name server_header_transformation scheme_header_transformation max_request_headers_kb stream_idle_timeout
    stream_flush_timeout request_timeout request_headers_timeout drain_timeout drain_timeout_jitter:Percent
    delayed_close_timeout access_log:AccessLog access_log_flush_interval flush_access_log_on_new_request
    access_log_options use_remote_address xff_num_trusted_hops original_ip_detection_extensions
    early_header_mutation_extensions internal_address_config skip_xff_append via generate_request_id
    preserve_external_request_id always_set_request_id_in_response forward_client_cert_details
    set_current_client_cert_details forward_client_cert_matcher proxy_100_continue
    represent_ipv4_remote_address_as_ipv4_mapped_ipv6 upgrade_configs:UpgradeConfig normalize_path merge_slashes
    path_with_escaped_slashes_action request_id_extension local_reply_config strip_matching_host_port
    strip_any_host_port stream_error_on_invalid_http_message path_normalization_options strip_trailing_host_dot
    proxy_status_config typed_header_validation_config append_x_forwarded_port append_local_overload
    add_proxy_protocol_connection_state forward_proto_config`,
  UpgradeConfig: `upgrade_type filters:HttpFilter enabled`,
  HttpFilter: `name typed_config:Any config_discovery is_optional disabled`,
  // envoy.extensions.filters.network.tcp_proxy.v3
  TcpProxy: `
    stat_prefix cluster weighted_clusters on_demand metadata_match idle_timeout downstream_idle_timeout
    upstream_idle_timeout access_log:AccessLog max_connect_attempts backoff_options hash_policy tunneling_config
    max_downstream_connection_duration max_downstream_connection_duration_jitter_percentage:Percent
    access_log_flush_interval flush_access_log_on_connected access_log_options proxy_protocol_tlvs
    proxy_protocol_tlv_merge_policy upstream_connect_mode max_early_data_bytes check_drain_close`,
  // envoy.config.route.v3
  RouteConfiguration: `
    name virtual_hosts:VirtualHost vhds internal_only_headers response_headers_to_add:HeaderValueOption
    response_headers_to_remove request_headers_to_add:HeaderValueOption request_headers_to_remove
    most_specific_header_mutations_wins validate_clusters max_direct_response_body_size_bytes
    cluster_specifier_plugins request_mirror_policies ignore_port_in_host_matching vhost_header
    ignore_path_parameters_in_path_matching typed_per_filter_config:Any{} metadata`,
  VirtualHost: `
    name domains routes:Route matcher require_tls virtual_clusters rate_limits
    request_headers_to_add:HeaderValueOption request_headers_to_remove response_headers_to_add:HeaderValueOption
    response_headers_to_remove cors:LegacyCorsPolicy typed_per_filter_config:Any{} include_request_attempt_count
    include_attempt_count_in_response retry_policy:RetryPolicy retry_policy_typed_config:Any hedge_policy
    include_is_timeout_retry_header per_request_buffer_limit_bytes request_body_buffer_limit request_mirror_policies
    metadata`,
  Route: `
    name match:RouteMatch route:RouteAction redirect:RedirectAction direct_response:DirectResponseAction
    filter_action non_forwarding_action metadata decorator typed_per_filter_config:Any{}
    request_headers_to_add:HeaderValueOption request_headers_to_remove response_headers_to_add:HeaderValueOption
    response_headers_to_remove tracing per_request_buffer_limit_bytes stat_prefix request_body_buffer_limit`,
  RouteMatch: `
    prefix path safe_regex:RegexMatcher connect_matcher path_separated_prefix path_match_policy case_sensitive
    runtime_fraction:RuntimeFractionalPercent headers:HeaderMatcher query_parameters:QueryParameterMatcher
    cookies:CookieMatcher grpc:GrpcMatch tls_context:TlsContextMatch dynamic_metadata filter_state`,
  HeaderMatcher: `
    name exact_match safe_regex_match:RegexMatcher range_match:Int64Range present_match prefix_match suffix_match
    contains_match string_match:StringMatcher invert_match treat_missing_header_as_empty`,
  QueryParameterMatcher: `name string_match:StringMatcher present_match`,
  CookieMatcher: `name string_match:StringMatcher invert_match`,
  RouteAction: `
    cluster cluster_header weighted_clusters:WeightedCluster cluster_specifier_plugin
    inline_cluster_specifier_plugin cluster_not_found_response_code metadata_match prefix_rewrite
    regex_rewrite:RegexMatchAndSubstitute path_rewrite_policy path_rewrite host_rewrite_literal auto_host_rewrite
    host_rewrite_header host_rewrite_path_regex:RegexMatchAndSubstitute host_rewrite append_x_forwarded_host timeout
    idle_timeout flush_timeout early_data_policy retry_policy:RetryPolicy retry_policy_typed_config:Any
    request_mirror_policies priority rate_limits include_vh_rate_limits hash_policy:HashPolicy cors:LegacyCorsPolicy
    max_grpc_timeout grpc_timeout_offset upgrade_configs:RouteUpgradeConfig internal_redirect_policy
    internal_redirect_action max_internal_redirects hedge_policy max_stream_duration:MaxStreamDuration`,
  WeightedCluster: `clusters:ClusterWeight total_weight runtime_key_prefix header_name use_hash_policy`,
  ClusterWeight: `
    name cluster_header weight metadata_match request_headers_to_add:HeaderValueOption request_headers_to_remove
    response_headers_to_add:HeaderValueOption response_headers_to_remove typed_per_filter_config:Any{}
    host_rewrite_literal`,
  RedirectAction: `
    https_redirect scheme_redirect host_redirect port_redirect path_redirect prefix_rewrite
    regex_rewrite:RegexMatchAndSubstitute path_rewrite response_code strip_query`,
  DirectResponseAction: `status body:DataSource body_format:SubstitutionFormatString`,
  LegacyCorsPolicy: `
    allow_origin_string_match:StringMatcher allow_methods allow_headers expose_headers max_age allow_credentials
    filter_enabled:RuntimeFractionalPercent shadow_enabled:RuntimeFractionalPercent allow_private_network_access
    forward_not_matching_preflights`,
  RetryPolicy: `
    retry_on num_retries per_try_timeout per_try_idle_timeout retry_priority retry_host_predicate
    retry_options_predicates host_selection_retry_max_attempts retriable_status_codes retry_back_off
    rate_limited_retry_back_off retriable_headers:HeaderMatcher retriable_request_headers:HeaderMatcher
    refresh_cluster_on_retry`,
  HashPolicy: `
    header:HashedHeader cookie:HashedCookie connection_properties:HashedConnection
    query_parameter:HashedQueryParameter filter_state terminal`,
  HashedCookie: `name ttl path attributes`,
  HashedHeader: `header_name regex_rewrite:RegexMatchAndSubstitute`,
  HashedConnection: `source_ip`,
  HashedQueryParameter: `name`,
  MaxStreamDuration: `max_stream_duration grpc_timeout_header_max grpc_timeout_header_offset`,
  RouteUpgradeConfig: `upgrade_type enabled connect_config`,
  FilterConfig: `config:Any is_optional disabled`,
  GrpcMatch: ``,
  TlsContextMatch: `presented validated`,
  // envoy.config.cluster.v3
  Cluster: `
    transport_socket_matches transport_socket_matcher name alt_stat_name type cluster_type eds_cluster_config
    connect_timeout per_connection_buffer_limit_bytes per_connection_buffer_high_watermark_timeout lb_policy
    load_assignment:ClusterLoadAssignment health_checks:HealthCheck max_requests_per_connection
    circuit_breakers:CircuitBreakers upstream_http_protocol_options:UpstreamHttpProtocolOptions
    common_http_protocol_options:CommonHttpProtocolOptions http_protocol_options:Http1ProtocolOptions
    http2_protocol_options:Http2ProtocolOptions typed_extension_protocol_options:Any{} dns_refresh_rate dns_jitter
    dns_failure_refresh_rate respect_dns_ttl dns_lookup_family dns_resolvers:Address use_tcp_for_dns_lookups
    dns_resolution_config typed_dns_resolver_config wait_for_warm_on_init outlier_detection:OutlierDetection
    cleanup_interval upstream_bind_config lb_subset_config ring_hash_lb_config:RingHashLbConfig
    maglev_lb_config:MaglevLbConfig original_dst_lb_config least_request_lb_config:LeastRequestLbConfig
    round_robin_lb_config:RoundRobinLbConfig common_lb_config:CommonLbConfig transport_socket:TransportSocket metadata
    protocol_selection upstream_connection_options:UpstreamConnectionOptions
    close_connections_on_host_health_failure ignore_health_on_host_removal filters load_balancing_policy lrs_server
    lrs_report_endpoint_metrics track_timeout_budgets upstream_config track_cluster_stats preconnect_policy
    connection_pool_per_downstream_connection`,
  OutlierDetection: `
    consecutive_5xx interval base_ejection_time max_ejection_percent enforcing_consecutive_5xx
    enforcing_success_rate success_rate_minimum_hosts success_rate_request_volume success_rate_stdev_factor
    consecutive_gateway_failure enforcing_consecutive_gateway_failure split_external_local_origin_errors
    consecutive_local_origin_failure enforcing_consecutive_local_origin_failure enforcing_local_origin_success_rate
    failure_percentage_threshold enforcing_failure_percentage enforcing_failure_percentage_local_origin
    failure_percentage_minimum_hosts failure_percentage_request_volume max_ejection_time max_ejection_time_jitter
    successful_active_health_check_uneject_host monitors always_eject_one_host detect_degraded_hosts`,
  CircuitBreakers: `thresholds:CircuitBreakerThresholds per_host_thresholds:CircuitBreakerThresholds`,
  CircuitBreakerThresholds: `
    priority max_connections max_pending_requests max_requests max_retries retry_budget track_remaining
    max_connection_pools`,
  UpstreamConnectionOptions: `tcp_keepalive set_local_interface_name_on_upstream_connections happy_eyeballs_config`,
  CommonLbConfig: `
    healthy_panic_threshold:Percent zone_aware_lb_config locality_weighted_lb_config update_merge_window
    ignore_new_hosts_until_first_hc close_connections_on_host_set_change consistent_hashing_lb_config:ConsistentHashingLbConfig
    override_host_status`,
  ConsistentHashingLbConfig: `use_hostname_for_hashing hash_balance_factor`,
  RingHashLbConfig: `minimum_ring_size hash_function maximum_ring_size`,
  MaglevLbConfig: `table_size`,
  LeastRequestLbConfig: `choice_count active_request_bias slow_start_config:SlowStartConfig locality_lb_config`,
  RoundRobinLbConfig: `slow_start_config:SlowStartConfig locality_lb_config`,
  SlowStartConfig: `slow_start_window aggression:RuntimeDouble min_weight_percent:Percent`,
  RuntimeDouble: `default_value runtime_key`,
  // envoy.config.endpoint.v3
  ClusterLoadAssignment: `cluster_name endpoints:LocalityLbEndpoints named_endpoints:Endpoint{} policy:LoadAssignmentPolicy`,
  LoadAssignmentPolicy: `drop_overloads overprovisioning_factor endpoint_stale_after weighted_priority_health`,
  LocalityLbEndpoints: `
    locality:Locality metadata lb_endpoints:LbEndpoint load_balancer_endpoints leds_cluster_locality_config
    load_balancing_weight priority proximity`,
  LbEndpoint: `endpoint:Endpoint endpoint_name health_status metadata load_balancing_weight`,
  Endpoint: `address:Address health_check_config hostname additional_addresses observability_name`,
  // envoy.config.core.v3
  Address: `socket_address:SocketAddress pipe:Pipe envoy_internal_address`,
  SocketAddress: `
    protocol address port_value named_port resolver_name ipv4_compat network_namespace_filepath`,
  Pipe: `path mode`,
  HealthCheck: `
    timeout interval initial_jitter interval_jitter interval_jitter_percent unhealthy_threshold healthy_threshold
    alt_port reuse_connection http_health_check:HttpHealthCheck tcp_health_check:TcpHealthCheck
    grpc_health_check:GrpcHealthCheck custom_health_check no_traffic_interval no_traffic_healthy_interval
    unhealthy_interval unhealthy_edge_interval healthy_edge_interval event_log_path event_logger event_service
    always_log_health_check_failures always_log_health_check_success tls_options transport_socket_match_criteria`,
  HttpHealthCheck: `
    host path send receive response_buffer_size request_headers_to_add:HeaderValueOption request_headers_to_remove
    expected_statuses:Int64Range retriable_statuses:Int64Range codec_client_type service_name_matcher:StringMatcher
    method`,
  TcpHealthCheck: `send receive proxy_protocol_config`,
  GrpcHealthCheck: `service_name authority initial_metadata:HeaderValueOption`,
  HeaderValueOption: `header:HeaderValue append append_action keep_empty_value`,
  HeaderValue: `key value raw_value`,
  DataSource: `filename inline_bytes inline_string environment_variable watched_directory`,
  TransportSocket: `name typed_config:Any`,
  CommonHttpProtocolOptions: `
    idle_timeout max_connection_duration max_connection_duration_jitter:Percent max_headers_count
    max_response_headers_kb max_stream_duration headers_with_underscores_action max_requests_per_connection`,
  Http1ProtocolOptions: `
    allow_absolute_url accept_http_10 default_host_for_http_10 header_key_format enable_trailers
    allow_chunked_length override_stream_error_on_invalid_http_message send_fully_qualified_url use_balsa_parser
    allow_custom_methods ignore_http_11_upgrade:StringMatcher`,
  Http2ProtocolOptions: `
    hpack_table_size max_concurrent_streams initial_stream_window_size initial_connection_window_size allow_connect
    allow_metadata max_outbound_frames max_outbound_control_frames max_consecutive_inbound_frames_with_empty_payload
    max_inbound_priority_frames_per_stream max_inbound_window_update_frames_per_data_frame_sent
    stream_error_on_invalid_http_messaging override_stream_error_on_invalid_http_message custom_settings_parameters
    connection_keepalive:KeepaliveSettings use_oghttp2_codec max_metadata_size enable_huffman_encoding
    max_header_field_size_kb disallow_obs_text stream_reset_burst stream_reset_rate`,
  RuntimeFractionalPercent: `default_value:FractionalPercent runtime_key`,
  SubstitutionFormatString: `
    text_format json_format text_format_source:DataSource omit_empty_values content_type formatters
    json_format_options`,
  KeepaliveSettings: `interval timeout interval_jitter:Percent connection_idle_interval`,
  UpstreamHttpProtocolOptions: `auto_sni auto_san_validation override_auto_sni_header`,
  Locality: `region zone sub_zone`,
  // envoy.extensions.upstreams.http.v3
  HttpProtocolOptions: `
    common_http_protocol_options:CommonHttpProtocolOptions
    upstream_http_protocol_options:UpstreamHttpProtocolOptions explicit_http_config:ExplicitHttpConfig
    use_downstream_protocol_config:UseDownstreamHttpConfig auto_config:AutoHttpConfig http_filters:HttpFilter
    header_validation_config outlier_detection request_mirror_policies hash_policy:HashPolicy
    retry_policy:RetryPolicy`,
  ExplicitHttpConfig: `
    http_protocol_options:Http1ProtocolOptions http2_protocol_options:Http2ProtocolOptions http3_protocol_options`,
  UseDownstreamHttpConfig: `
    http_protocol_options:Http1ProtocolOptions http2_protocol_options:Http2ProtocolOptions http3_protocol_options`,
  AutoHttpConfig: `
    http_protocol_options:Http1ProtocolOptions http2_protocol_options:Http2ProtocolOptions http3_protocol_options
    alternate_protocols_cache_options`,
  // envoy.extensions.transport_sockets.tls.v3
  DownstreamTlsContext: `
    common_tls_context:CommonTlsContext require_client_certificate require_sni session_ticket_keys
    session_ticket_keys_sds_secret_config:SdsSecretConfig disable_stateless_session_resumption
    disable_stateful_session_resumption session_timeout ocsp_staple_policy full_scan_certs_on_sni_mismatch
    prefer_client_ciphers`,
  UpstreamTlsContext: `
    common_tls_context:CommonTlsContext sni auto_host_sni auto_sni_san_validation allow_renegotiation
    max_session_keys enforce_rsa_key_usage`,
  CommonTlsContext: `
    tls_params:TlsParameters tls_certificates:TlsCertificate tls_certificate_sds_secret_configs:SdsSecretConfig
    tls_certificate_provider_instance custom_tls_certificate_selector tls_certificate_certificate_provider
    tls_certificate_certificate_provider_instance validation_context:CertificateValidationContext
    validation_context_sds_secret_config:SdsSecretConfig combined_validation_context:CombinedValidationContext
    validation_context_certificate_provider validation_context_certificate_provider_instance alpn_protocols
    custom_handshaker key_log`,
  TlsParameters: `
    tls_minimum_protocol_version tls_maximum_protocol_version cipher_suites ecdh_curves signature_algorithms
    compliance_policies`,
  TlsCertificate: `
    certificate_chain:DataSource private_key:DataSource pkcs12:DataSource watched_directory private_key_provider
    password:DataSource ocsp_staple:DataSource signed_certificate_timestamp:DataSource`,
  CertificateValidationContext: `
    trusted_ca:DataSource ca_certificate_provider_instance system_root_certs watched_directory
    verify_certificate_spki verify_certificate_hash match_typed_subject_alt_names:SubjectAltNameMatcher
    match_subject_alt_names:StringMatcher require_signed_certificate_timestamp crl:DataSource
    allow_expired_certificate trust_chain_verification custom_validator_config only_verify_leaf_cert_crl
    max_verify_depth suppress_client_ca_list`,
  CombinedValidationContext: `
    default_validation_context:CertificateValidationContext validation_context_sds_secret_config:SdsSecretConfig
    validation_context_certificate_provider validation_context_certificate_provider_instance`,
  SdsSecretConfig: `name sds_config`,
  Secret: `
    name tls_certificate:TlsCertificate session_ticket_keys validation_context:CertificateValidationContext
    generic_secret`,
  SubjectAltNameMatcher: `san_type matcher:StringMatcher oid`,
  // envoy.type.matcher.v3
  StringMatcher: `exact prefix suffix safe_regex:RegexMatcher contains custom ignore_case`,
  RegexMatcher: `google_re2 regex`,
  RegexMatchAndSubstitute: `pattern:RegexMatcher substitution`,
  // envoy.type.v3
  FractionalPercent: `numerator denominator`,
  Percent: `value`,
  Int64Range: `start end`,
  TokenBucket: `max_tokens tokens_per_fill fill_interval`,
  HttpStatus: `code`,
  // envoy.config.accesslog.v3
  AccessLog: `name filter typed_config:Any`,
  // envoy.extensions.access_loggers.file.v3
  FileAccessLog: `path format json_format typed_json_format log_format:SubstitutionFormatString`,
  // envoy.extensions.access_loggers.stream.v3
  StdoutAccessLog: `log_format:SubstitutionFormatString`,
  StderrAccessLog: `log_format:SubstitutionFormatString`,
  // envoy.extensions.filters.http.cors.v3
  Cors: ``,
  CorsPolicy: `
    allow_origin_string_match:StringMatcher allow_methods allow_headers expose_headers max_age allow_credentials
    filter_enabled:RuntimeFractionalPercent shadow_enabled:RuntimeFractionalPercent allow_private_network_access
    forward_not_matching_preflights`,
  // envoy.extensions.filters.http.grpc_web.v3
  GrpcWeb: ``,
  // envoy.extensions.filters.http.router.v3
  Router: `
    dynamic_stats start_child_span upstream_log:AccessLog upstream_log_options suppress_envoy_headers
    strict_check_headers respect_expected_rq_timeout suppress_grpc_request_failure_code_stats
    upstream_http_filters:HttpFilter reject_connect_request_early_data`,
  // envoy.extensions.filters.http.local_ratelimit.v3
  LocalRateLimit: `
    stat_prefix status:HttpStatus token_bucket:TokenBucket filter_enabled:RuntimeFractionalPercent
    filter_enforced:RuntimeFractionalPercent request_headers_to_add_when_not_enforced:HeaderValueOption
    response_headers_to_add:HeaderValueOption descriptors stage local_rate_limit_per_downstream_connection
    local_cluster_rate_limit enable_x_ratelimit_headers vh_rate_limits always_consume_default_token_bucket
    rate_limited_as_resource_exhausted rate_limits max_dynamic_descriptors`,
  // envoy.extensions.filters.http.fault.v3
  HTTPFault: `
    delay:FaultDelay abort:FaultAbort upstream_cluster headers:HeaderMatcher downstream_nodes max_active_faults
    response_rate_limit delay_percent_runtime abort_percent_runtime delay_duration_runtime abort_http_status_runtime
    max_active_faults_runtime response_rate_limit_percent_runtime abort_grpc_status_runtime
    disable_downstream_cluster_stats filter_metadata`,
  FaultAbort: `http_status grpc_status header_abort percentage:FractionalPercent`,
  // envoy.extensions.filters.common.fault.v3
  FaultDelay: `fixed_delay header_delay percentage:FractionalPercent`,
  // envoy.extensions.filters.http.buffer.v3
  Buffer: `max_request_bytes`,
  BufferPerRoute: `disabled buffer:Buffer`,
  // envoy.extensions.filters.listener.tls_inspector.v3
  TlsInspector: `
    enable_ja3_fingerprinting enable_ja4_fingerprinting initial_read_buffer_size
    close_connection_on_client_hello_parsing_errors max_client_hello_size`,
  // envoy.extensions.filters.listener.http_inspector.v3
  HttpInspector: ``,
  // envoy.extensions.filters.listener.proxy_protocol.v3
  ProxyProtocol: `
    rules allow_requests_without_proxy_protocol pass_through_tlvs disallowed_versions stat_prefix tlv_location`,
  // envoy.extensions.transport_sockets.raw_buffer.v3
  RawBuffer: ``,
  // envoy.extensions.transport_sockets.proxy_protocol.v3
  ProxyProtocolUpstreamTransport: `config transport_socket:TransportSocket allow_unspecified_address tlv_as_pool_key`,
} as const

/** What may stand behind `@type`, by the name of its message. */
export const TYPES: Readonly<Record<string, keyof typeof MESSAGES>> = {
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager': 'HttpConnectionManager',
  'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy': 'TcpProxy',
  'envoy.extensions.filters.http.cors.v3.Cors': 'Cors',
  'envoy.extensions.filters.http.cors.v3.CorsPolicy': 'CorsPolicy',
  'envoy.extensions.filters.http.grpc_web.v3.GrpcWeb': 'GrpcWeb',
  'envoy.extensions.filters.http.router.v3.Router': 'Router',
  'envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit': 'LocalRateLimit',
  'envoy.extensions.filters.http.fault.v3.HTTPFault': 'HTTPFault',
  'envoy.extensions.filters.http.buffer.v3.Buffer': 'Buffer',
  'envoy.extensions.filters.http.buffer.v3.BufferPerRoute': 'BufferPerRoute',
  'envoy.config.route.v3.FilterConfig': 'FilterConfig',
  'envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector': 'TlsInspector',
  'envoy.extensions.filters.listener.http_inspector.v3.HttpInspector': 'HttpInspector',
  'envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol': 'ProxyProtocol',
  'envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext': 'DownstreamTlsContext',
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext': 'UpstreamTlsContext',
  'envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer': 'RawBuffer',
  'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport':
    'ProxyProtocolUpstreamTransport',
  'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': 'HttpProtocolOptions',
  'envoy.extensions.access_loggers.file.v3.FileAccessLog': 'FileAccessLog',
  'envoy.extensions.access_loggers.stream.v3.StdoutAccessLog': 'StdoutAccessLog',
  'envoy.extensions.access_loggers.stream.v3.StderrAccessLog': 'StderrAccessLog',
  'envoy.config.route.v3.CorsPolicy': 'LegacyCorsPolicy',
}

export type MessageName = keyof typeof MESSAGES
