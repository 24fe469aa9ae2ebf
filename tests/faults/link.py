#!/usr/bin/env python3
"""The network between a meter and its broker: what is killed to cut it.

    link.py PORT BROKER_PORT

Takes connections on PORT of this machine and passes what comes on either side on to the other, until one of them ends.
"""
import asyncio
import sys


async def pass_on(source, target):
    try:
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    finally:
        target.close()


async def join(reader, writer, port):
    try:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:  # the broker is away
        writer.close()
        return
    await asyncio.gather(pass_on(reader, far_writer), pass_on(far_reader, writer))


async def main(port, broker_port):
    server = await asyncio.start_server(lambda r, w: join(r, w, broker_port), "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
