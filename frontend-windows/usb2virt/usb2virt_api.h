/* SPDX-License-Identifier: MIT */
/*
 * usb2virt_api.h - what a program does with a 2Virt function on Windows.
 *
 * Each function is a device interface of the class below.  CreateFile with
 * GENERIC_READ or GENERIC_WRITE takes a free pipe of the function and opens it
 * (ERROR_NO_SYSTEM_RESOURCES: all are taken); closing the handle closes the
 * pipe.  With neither access right the handle takes no pipe and only asks.
 *
 *   ReadFile    1 octet or more; ERROR_HANDLE_EOF after the last; a broken
 *               pipe: ERROR_CONNECTION_ABORTED, its reason by GET_STATE
 *   WriteFile   all octets, or an error
 *
 * Both overlapped if wanted; several may wait at once.  All structures are
 * little endian, without padding that is not named.
 */
#ifndef TV_USB2VIRT_API_H
#define TV_USB2VIRT_API_H

#define TV_FUNCTION_INTERFACE_GUID                                             \
	{                                                                      \
		0x3d1b5a7e, 0x5f0c, 0x4e55,                                    \
		{                                                              \
			0x9a, 0x1e, 0x6b, 0x2f, 0x0c, 0x41, 0xd7, 0x93         \
		}                                                              \
	}

#define TV_IOCTL(code, access) (0x22u << 16 | (access) << 14 | (code) << 2)

/* -> struct tv_win_info; any handle */
#define TV_IOCTL_GET_INFO TV_IOCTL(0x801u, 0u)
/* -> struct tv_win_state */
#define TV_IOCTL_GET_STATE TV_IOCTL(0x802u, 0u)
/*
 * No more octets will be written; the other side sees the end after those that
 * were.  ERROR_BUSY while a WriteFile is under way.
 */
#define TV_IOCTL_SHUTDOWN TV_IOCTL(0x803u, 2u)
/*
 * unsigned int: news that is known -> struct tv_win_state, as soon as .news is
 * another.  Cancelled as any overlapped request.
 */
#define TV_IOCTL_WAIT TV_IOCTL(0x804u, 0u)

struct tv_win_info {
	unsigned char type; /* enum tv_function_type */
	unsigned char pipe_count;
	unsigned short version;
	unsigned int transfer_max; /* octets of a useful transfer */
	unsigned int pipe;	   /* of this handle; 0xffffffff: none */
	unsigned int pipes_free;
	unsigned short name[64]; /* "web:default", ended by 0 */
};

struct tv_win_state {
	unsigned int news;   /* changes so far */
	unsigned char state; /* enum tv_pipe_state */
	unsigned char out_ended, in_ended, reserved;
	unsigned short reason; /* enum tv_pipe_reason, of a reset */
	unsigned short generation;
	unsigned int reserved2;
	unsigned long long out_octets, in_octets;
};

#endif
