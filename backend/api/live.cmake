# The sources of the live hub, included by this folder's CMakeLists.txt, and what they need:
# libcrypto is for the SHA-1 of the handshake; wslay ships no pkg-config file.
set(SM_LIVE_SOURCES live.c live_loop.c live_client.c live_session.c live_devices.c live_walk.c
    live_message.c live_upgrade.c)
set(SM_LIVE_PACKAGES libmicrohttpd libcrypto jansson)
set(SM_LIVE_LIBRARIES wslay Threads::Threads)

sm_test(live_message_test SOURCES live_message_test.c DEPENDS sm_api)
foreach(part live live_frames)
  sm_test(${part}_test SOURCES ${part}_test.c live_test_client.c live_test_server.c
    DEPENDS sm_api LABELS threads PACKAGES libmicrohttpd)
  if(TARGET ${part}_test)
    target_link_libraries(${part}_test PRIVATE wslay)
  endif()
endforeach()
