# A TLS server whose certificate has expired, for one handshake: prints its port and ends after it.
# Apart from the C++ tests because our own server refuses to start with such a certificate.
import socket
import ssl
import sys

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
with socket.create_server(("127.0.0.1", 0)) as listening:
    listening.settimeout(30)
    print(listening.getsockname()[1], flush=True)
    connection, _ = listening.accept()
    connection.settimeout(30)
    try:
        context.wrap_socket(connection, server_side=True).close()
    except OSError:
        pass  # the client is expected to refuse
