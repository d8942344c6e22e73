"""A line of the access log, but for its time: `LINE % seconds`."""

LINE = (
    b'{"time":"%.3f","request_id":"5f9c7c1e2b3a4d5e6f708192a3b4c5d6","remote_addr":"127.0.1.12",'
    b'"remote_user":"admin","user_id":"user-17","method":"POST","uri":"/predict",'
    b'"protocol":"HTTP/1.1","status":"200","bytes_sent":"512","request_time":"0.003",'
    b'"cohort":"v1","instance":"v1-1","upstream_addr":"127.0.0.1:8101","upstream_status":"200",'
    b'"upstream_response_time":"0.002","limit_req_status":"PASSED","prediction":"positive",'
    b'"ssl_protocol":"TLSv1.3","server":"gateway","user_agent":"python-httpx/0.28"}\n'
)
